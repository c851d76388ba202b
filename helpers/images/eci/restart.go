package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The kubelet's own numbers: at once, then 10 s, 20 s, ... 5 min; forgotten when a container has run for 10 min.
const (
	backOffBase   = 10 * time.Second
	backOffMax    = 5 * time.Minute
	backOffForget = 10 * time.Minute
)

// backOff is how long after its end a container waits, which has been restarted so many times in a row.
func backOff(crashes int) time.Duration {
	if crashes == 0 {
		return 0
	}
	wait := backOffBase
	for n := 1; n < crashes && wait < backOffMax; n++ {
		wait *= 2
	}
	return min(wait, backOffMax)
}

// crashesAfter counts on, or begins again after a long run.
func crashesAfter(crashes int, ran time.Duration) int {
	if ran >= backOffForget {
		return 0
	}
	return crashes + 1
}

// startsAgain says whether the policy wants a container again that ended with this exit code.
func startsAgain(policy corev1.RestartPolicy, exitCode int) bool {
	switch policy {
	case corev1.RestartPolicyNever:
		return false
	case corev1.RestartPolicyOnFailure:
		return exitCode != 0
	}
	return true
}
