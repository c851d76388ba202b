package main

import (
	"fmt"
	"strings"
	"time"

	"acplab.local/eci/docker"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// statusOf is what a kubelet would report. former is the status that the API has now: conditions of others stay in it.
func statusOf(s Settings, pod *corev1.Pod, former corev1.PodStatus, view View, known Known, now time.Time) corev1.PodStatus {
	status := corev1.PodStatus{
		HostIP: s.Address, HostIPs: []corev1.HostIP{{IP: s.Address}}, QOSClass: former.QOSClass,
		NominatedNodeName: former.NominatedNodeName, ObservedGeneration: pod.Generation,
	}
	if address := view.address(s.Network); address != "" {
		status.PodIP, status.PodIPs = address, []corev1.PodIP{{IP: address}}
	} else {
		// A stopped sandbox has no address any more; the Pod keeps the one that it had.
		status.PodIP, status.PodIPs = former.PodIP, former.PodIPs
	}
	if view.Sandbox != nil {
		start := metav1.NewTime(view.Sandbox.Created.Truncate(time.Second))
		status.StartTime = &start
	}
	waiting := "ContainerCreating"
	if len(pod.Spec.InitContainers) > 0 {
		waiting = "PodInitializing"
	}
	for _, one := range pod.Spec.InitContainers {
		status.InitContainerStatuses = append(status.InitContainerStatuses, containerStatus(pod, one, view, known, waiting, now))
	}
	for _, one := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(pod, one, view, known, waiting, now))
	}
	status.Phase = phaseOf(pod, view, known, now)
	if known.Failure != nil {
		status.Reason, status.Message = known.Failure.Reason, known.Failure.Message
	} else if deadline, ok := deadlineOf(pod, view); ok && !now.Before(deadline) {
		status.Reason, status.Message = "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
	}
	status.Conditions = conditionsOf(pod, former, status, view, now)
	return status
}

func phaseOf(pod *corev1.Pod, view View, known Known, now time.Time) corev1.PodPhase {
	if deadline, ok := deadlineOf(pod, view); known.Failure != nil || initFailed(pod, view) || (ok && !now.Before(deadline)) {
		return corev1.PodFailed
	}
	if !isOver(pod, view) {
		if mainBegun(pod, view) {
			return corev1.PodRunning
		}
		return corev1.PodPending
	}
	for _, one := range pod.Spec.Containers {
		if view.current(one.Name).State.ExitCode != 0 {
			return corev1.PodFailed
		}
	}
	return corev1.PodSucceeded
}

func containerStatus(pod *corev1.Pod, one corev1.Container, view View, known Known, waiting string, now time.Time) corev1.ContainerStatus {
	status := corev1.ContainerStatus{Name: one.Name, Image: one.Image}
	current, started := view.current(one.Name), false
	if current != nil {
		status.ContainerID, status.ImageID = "docker://"+current.ID, current.ImageID
		status.RestartCount = int32(current.Number)
	}
	if before := view.previous(one.Name); before != nil && before.State.Over() {
		status.LastTerminationState.Terminated = terminated(before.Container)
	}
	switch {
	case current == nil || current.State.Status == "created":
		status.State.Waiting = waitingState(known.Waiting[one.Name], waiting)
	case current.State.Running():
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: seconds(current.State.StartedAt)}
		started = one.StartupProbe == nil || known.Started[one.Name]
		status.Ready = started && (one.ReadinessProbe == nil || known.Ready[one.Name])
	default:
		overState(pod, one, current, known, &status, now)
	}
	status.Started = &started
	return status
}

// overState: an init container that did its work is ready for good; what waits for its back-off shows why.
func overState(pod *corev1.Pod, one corev1.Container, current *Attempt, known Known, status *corev1.ContainerStatus, now time.Time) {
	status.State.Terminated = terminated(current.Container)
	if isInit(pod, one.Name) && !isSidecar(one) {
		status.Ready = current.State.ExitCode == 0
	}
	wait := backOff(current.Crashes)
	again := startsAgain(restartPolicyOf(pod, one), current.State.ExitCode)
	if !again || known.Failure != nil {
		return
	}
	if trouble, ok := known.Waiting[one.Name]; ok {
		status.LastTerminationState, status.State = status.State, corev1.ContainerState{Waiting: waitingState(trouble, "")}
	} else if wait > 0 && now.Before(current.State.FinishedAt.Add(wait)) {
		message := fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", wait, one.Name, pod.Name, pod.Namespace, pod.UID)
		status.LastTerminationState = status.State
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: message}}
	}
}

// restartPolicyOf a container: an init container that failed is tried again unless the Pod says Never.
func restartPolicyOf(pod *corev1.Pod, one corev1.Container) corev1.RestartPolicy {
	switch {
	case isSidecar(one):
		return corev1.RestartPolicyAlways
	case isInit(pod, one.Name) && pod.Spec.RestartPolicy == corev1.RestartPolicyAlways:
		return corev1.RestartPolicyOnFailure
	}
	return pod.Spec.RestartPolicy
}

func isInit(pod *corev1.Pod, name string) bool {
	for _, one := range pod.Spec.InitContainers {
		if one.Name == name {
			return true
		}
	}
	return false
}

func waitingState(trouble Waiting, usual string) *corev1.ContainerStateWaiting {
	if trouble.Reason == "" {
		return &corev1.ContainerStateWaiting{Reason: usual}
	}
	return &corev1.ContainerStateWaiting{Reason: trouble.Reason, Message: trouble.Message}
}

// terminated has the kubelet's reasons.
func terminated(one docker.Container) *corev1.ContainerStateTerminated {
	reason := "Error"
	switch {
	case one.State.OOMKilled:
		reason = "OOMKilled"
	case one.State.ExitCode == 0:
		reason = "Completed"
	case one.State.StartedAt.IsZero() && one.State.Error != "":
		reason = "StartError"
	}
	return &corev1.ContainerStateTerminated{
		ExitCode: int32(one.State.ExitCode), Reason: reason, Message: one.State.Error, ContainerID: "docker://" + one.ID,
		StartedAt: seconds(one.State.StartedAt), FinishedAt: seconds(one.State.FinishedAt),
	}
}

func seconds(when time.Time) metav1.Time { return metav1.NewTime(when.Truncate(time.Second)) }

// conditionsOf keeps the time of a condition that has not changed, and all conditions that are not ours.
func conditionsOf(pod *corev1.Pod, former, status corev1.PodStatus, view View, now time.Time) []corev1.PodCondition {
	over := status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed
	unready := names(status.ContainerStatuses, func(one corev1.ContainerStatus) bool { return one.Ready })
	initialized := names(status.InitContainerStatuses, func(one corev1.ContainerStatus) bool {
		return one.Ready || (one.Started != nil && *one.Started)
	})
	ready := condition(corev1.ContainersReady, !over && len(unready) == 0, "ContainersNotReady", "containers with unready status: [%s]", unready)
	if over {
		ready.Reason, ready.Message = "PodCompleted", ""
		if status.Phase == corev1.PodFailed {
			ready.Reason = "PodFailed"
		}
	}
	whole := ready
	whole.Type = corev1.PodReady
	if gates := openGates(pod, former); len(gates) > 0 && whole.Status == corev1.ConditionTrue {
		whole = condition(corev1.PodReady, false, "ReadinessGatesNotReady", "corresponding conditions are not true: [%s]", gates)
	}
	own := []corev1.PodCondition{
		condition(corev1.PodReadyToStartContainers, view.Sandbox != nil && view.Sandbox.State.Running(), "", "", nil),
		condition(corev1.PodInitialized, len(initialized) == 0, "ContainersNotInitialized", "containers with incomplete status: [%s]", initialized),
		whole, ready,
		condition(corev1.PodScheduled, true, "", "", nil),
	}
	return merge(former.Conditions, own, now)
}

func names(statuses []corev1.ContainerStatus, good func(corev1.ContainerStatus) bool) []string {
	var bad []string
	for _, one := range statuses {
		if !good(one) {
			bad = append(bad, one.Name)
		}
	}
	return bad
}

func condition(kind corev1.PodConditionType, good bool, reason, message string, names []string) corev1.PodCondition {
	if good {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue}
	}
	if message != "" {
		message = fmt.Sprintf(message, strings.Join(names, " "))
	}
	return corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message}
}

func openGates(pod *corev1.Pod, former corev1.PodStatus) []string {
	var open []string
	for _, gate := range pod.Spec.ReadinessGates {
		met := false
		for _, one := range former.Conditions {
			met = met || (one.Type == gate.ConditionType && one.Status == corev1.ConditionTrue)
		}
		if !met {
			open = append(open, string(gate.ConditionType))
		}
	}
	return open
}

func merge(former, own []corev1.PodCondition, now time.Time) []corev1.PodCondition {
	var all []corev1.PodCondition
	byType := map[corev1.PodConditionType]corev1.PodCondition{}
	for _, one := range former {
		byType[one.Type] = one
	}
	for _, one := range own {
		one.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
		if old, ok := byType[one.Type]; ok && old.Status == one.Status {
			one.LastTransitionTime = old.LastTransitionTime
		}
		delete(byType, one.Type)
		all = append(all, one)
	}
	for _, one := range former {
		if _, foreign := byType[one.Type]; foreign {
			all = append(all, one)
		}
	}
	return all
}
