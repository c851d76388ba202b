package main

import (
	"context"
	"testing"
	"time"

	"acplab.local/eci/docker"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
)

// --- logs, terminals, stats --------------------------------------------------------------------------------------

func ended(id string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "docker://" + id}}
}

func TestTheLogIsTheOneThatAKubeletChooses(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waits := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	creating := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	none := corev1.ContainerState{}
	for name, one := range map[string]struct {
		id            string
		state, last   corev1.ContainerState
		now, previous string // "" for an error
	}{
		"first run":  {"docker://1", running, none, "1", ""},
		"second run": {"docker://2", running, ended("1"), "2", "1"},
		"over":       {"docker://1", ended("1"), none, "1", ""},
		"back-off":   {"docker://2", waits, ended("2"), "2", "2"},
		"not begun":  {"", creating, none, "", ""},
		"made only":  {"docker://2", creating, ended("1"), "1", "1"},
	} {
		status := corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "a", ContainerID: one.id, State: one.state, LastTerminationState: one.last}}}
		for previous, want := range map[bool]string{false: one.now, true: one.previous} {
			if got, err := chosenLog(status, "a", previous); got != want || (err == nil) != (want != "") {
				t.Errorf("%s, previous %v: %q %v, not %q", name, previous, got, err, want)
			}
		}
	}
	if _, err := chosenLog(corev1.PodStatus{}, "a", false); err == nil {
		t.Error("a container without a status has a log")
	}
}

func TestLogOptions(t *testing.T) {
	got := logOptions(api.ContainerLogOpts{SinceSeconds: 60, Follow: true, Timestamps: true}, true, noon)
	if got.Tail != -1 || !got.Since.Equal(noon.Add(-time.Minute)) || !got.Follow || !got.Timestamps || !got.TTY {
		t.Errorf("%+v", got)
	}
	if got = logOptions(api.ContainerLogOpts{Tail: 3, SinceTime: noon}, false, noon); got.Tail != 3 || !got.Since.Equal(noon) {
		t.Errorf("%+v", got)
	}
}

func TestSizesOfATerminalEndWithItsConnection(t *testing.T) {
	ctx, stop := context.WithCancel(background)
	from := make(chan api.TermSize)
	sizes := sizesOf(ctx, from)
	from <- api.TermSize{Width: 80, Height: 24}
	if got := <-sizes; got != (docker.Size{Width: 80, Height: 24}) {
		t.Errorf("%v", got)
	}
	stop()
	if _, open := <-sizes; open {
		t.Error("somebody would wait for ever")
	}
}

func TestMetricsAreSummedByPodAndNode(t *testing.T) {
	pod, other := podOf(), podOf()
	other.Name = "other"
	one := docker.Stats{Read: noon, CPU: 2 * time.Second, MemoryBytes: 10}
	usages := []Usage{{pod, "a", noon, one}, {pod, "b", noon, one}, {other, "a", noon, one}}
	found := map[string][]float64{}
	for _, family := range families(usages, noon) {
		for _, metric := range family.Metric {
			found[family.GetName()] = append(found[family.GetName()], metric.GetCounter().GetValue()+metric.GetGauge().GetValue())
		}
	}
	pods := found["pod_memory_working_set_bytes"]
	if found["node_cpu_usage_seconds_total"][0] != 6 || len(pods) != 2 || pods[0]+pods[1] != 30 || len(found["container_start_time_seconds"]) != 3 {
		t.Errorf("%v", found)
	}
	if len(families(nil, noon)) != 3 {
		t.Error("a node without Pods has metrics too, and no empty families")
	}
}
