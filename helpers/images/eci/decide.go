package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Known is what a Pod's keeper has found out and Docker does not keep. It is lost with the process, and found out again.
type Known struct {
	Ready   map[string]bool    // by container: its readiness probe says so
	Started map[string]bool    // its startup probe says so
	Kill    map[string]string  // its liveness probe gave it up: why
	Waiting map[string]Waiting // it could not be started
	Failure *Failure           // the Pod as a whole is over
}

func newKnown() Known {
	return Known{map[string]bool{}, map[string]bool{}, map[string]string{}, map[string]Waiting{}, nil}
}

// Waiting is why a container is not there, and when to try again.
type Waiting struct {
	Reason, Message string
	Until           time.Time
	Tries           int
}

// Failure is a Pod's end from outside: a deadline, or a spot instance taken back.
type Failure struct{ Reason, Message string }

// Step is what to do next: at most one thing. Again is how long to wait for the next look if nothing happens before.
type Step struct {
	Sandbox bool              // make or start the sandbox
	Start   *corev1.Container // start this container
	Kill    *corev1.Container // stop this one, which will start again
	Finish  bool              // the Pod is over: stop what still runs
	Again   time.Duration
}

// decide is the whole policy of a Pod's life. It looks at nothing but its arguments.
func decide(pod *corev1.Pod, view View, known Known, now time.Time) Step {
	if known.Failure != nil || isOver(pod, view) {
		return Step{Finish: true}
	}
	if deadline, ok := deadlineOf(pod, view); ok && !now.Before(deadline) {
		return Step{Finish: true}
	}
	if view.Sandbox == nil || !view.Sandbox.State.Running() {
		return Step{Sandbox: true}
	}
	step, done := decideInit(pod, view, known, now)
	if done {
		again := step.Again // of a sidecar
		step = decideMain(pod, view, known, now)
		step.Again = sooner(step.Again, again)
	}
	if deadline, ok := deadlineOf(pod, view); ok {
		step.Again = sooner(step.Again, deadline.Sub(now))
	}
	return step
}

// deadlineOf is when a Pod with activeDeadlineSeconds has to be over.
func deadlineOf(pod *corev1.Pod, view View) (time.Time, bool) {
	if pod.Spec.ActiveDeadlineSeconds == nil || view.Sandbox == nil {
		return time.Time{}, false
	}
	return view.Sandbox.Created.Add(time.Duration(*pod.Spec.ActiveDeadlineSeconds) * time.Second), true
}

// decideInit is done when all init containers have done their part. They run one after the other; a sidecar has done its part
// as soon as it has started, and then only waits for its back-off beside the others.
func decideInit(pod *corev1.Pod, view View, known Known, now time.Time) (step Step, done bool) {
	begun := mainBegun(pod, view)
	var again time.Duration
	for i := range pod.Spec.InitContainers {
		one := &pod.Spec.InitContainers[i]
		current := view.current(one.Name)
		if isSidecar(*one) {
			step, started := sidecarStep(one, current, known, now)
			if step.Start != nil || step.Kill != nil || (!started && !begun) {
				return step, false
			}
			again = sooner(again, step.Again)
			continue
		}
		if begun || (current != nil && current.State.Over() && current.State.ExitCode == 0) {
			continue
		}
		return startStep(one, current, known, now), false
	}
	return Step{Again: again}, true
}

func sidecarStep(one *corev1.Container, current *Attempt, known Known, now time.Time) (step Step, started bool) {
	if current != nil && current.State.Running() {
		if _, kill := known.Kill[one.Name]; kill {
			return Step{Kill: one}, true
		}
		return Step{}, one.StartupProbe == nil || known.Started[one.Name]
	}
	return startStep(one, current, known, now), false
}

func mainBegun(pod *corev1.Pod, view View) bool {
	for _, one := range pod.Spec.Containers {
		if view.current(one.Name) != nil {
			return true
		}
	}
	return false
}

// decideMain starts what is not there, starts again what the policy wants, and kills what a probe has given up.
func decideMain(pod *corev1.Pod, view View, known Known, now time.Time) Step {
	var again time.Duration
	for i := range pod.Spec.Containers {
		one := &pod.Spec.Containers[i]
		current := view.current(one.Name)
		if current != nil && current.State.Running() {
			if _, kill := known.Kill[one.Name]; kill {
				return Step{Kill: one}
			}
			continue
		}
		if current != nil && current.State.Over() && !startsAgain(pod.Spec.RestartPolicy, current.State.ExitCode) {
			continue
		}
		step := startStep(one, current, known, now)
		if step.Start != nil {
			return step
		}
		again = sooner(again, step.Again)
	}
	return Step{Again: again}
}

// startStep starts a container now, or says how long its back-off still lasts.
func startStep(one *corev1.Container, current *Attempt, known Known, now time.Time) Step {
	if current != nil && current.State.Running() {
		return Step{}
	}
	due := known.Waiting[one.Name].Until
	if current != nil && current.State.Over() {
		due = later(due, current.State.FinishedAt.Add(backOff(current.Crashes)))
	}
	if wait := due.Sub(now); wait > 0 {
		return Step{Again: wait}
	}
	return Step{Start: one}
}

// isOver says whether no container of the Pod will run again.
func isOver(pod *corev1.Pod, view View) bool {
	if initFailed(pod, view) {
		return true
	}
	for _, one := range pod.Spec.Containers {
		current := view.current(one.Name)
		if current == nil || !current.State.Over() || startsAgain(pod.Spec.RestartPolicy, current.State.ExitCode) {
			return false
		}
	}
	return true
}

// initFailed: with restartPolicy Never the first init container that fails is the end.
func initFailed(pod *corev1.Pod, view View) bool {
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
		return false
	}
	for _, one := range pod.Spec.InitContainers {
		current := view.current(one.Name)
		if !isSidecar(one) && current != nil && current.State.Over() && current.State.ExitCode != 0 {
			return true
		}
	}
	return false
}

// sooner of two waits; 0 is none.
func sooner(one, other time.Duration) time.Duration {
	if one == 0 || (other > 0 && other < one) {
		return other
	}
	return one
}

func later(one, other time.Time) time.Time {
	if other.After(one) {
		return other
	}
	return one
}
