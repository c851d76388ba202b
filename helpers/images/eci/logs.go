package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"acplab.local/eci/docker"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
)

// GetContainerLogs is kubectl logs.
func (p *Provider) GetContainerLogs(ctx context.Context, namespace, pod, container string, options api.ContainerLogOpts) (io.ReadCloser, error) {
	keeper, err := p.anyKeeper(namespace, pod)
	if err != nil {
		return nil, err
	}
	id, err := chosenLog(keeper.statusNow(), container, options.Previous)
	if err != nil {
		return nil, errdefs.AsInvalidInput(err) // kubectl shows the words of a bad request, and not those of a 404
	}
	logs, err := p.docker.Logs(ctx, id, logOptions(options, hasTTY(keeper.pod(), container), time.Now()))
	if err != nil || options.LimitBytes == 0 {
		return logs, err
	}
	return limited{io.LimitReader(logs, int64(options.LimitBytes)), logs}, nil
}

// chosenLog is the kubelet's choice of a container, by the status that was reported: while one waits to start again, its last
// end is what there is to read, with previous and without.
func chosenLog(status corev1.PodStatus, container string, previous bool) (id string, err error) {
	for _, one := range append(slices.Clone(status.InitContainerStatuses), status.ContainerStatuses...) {
		if one.Name != container {
			continue
		}
		last := one.LastTerminationState.Terminated
		switch {
		case previous && last == nil:
			return "", fmt.Errorf("previous terminated container %q not found", container)
		case !previous && one.State.Waiting == nil && one.ContainerID != "":
			id = one.ContainerID
		case last != nil:
			id = last.ContainerID
		default:
			return "", fmt.Errorf("container %q is waiting to start: %s", container, one.State.Waiting.Reason)
		}
		return strings.TrimPrefix(id, "docker://"), nil
	}
	return "", fmt.Errorf("container %q has no status yet", container)
}

func logOptions(options api.ContainerLogOpts, tty bool, now time.Time) docker.LogOptions {
	made := docker.LogOptions{Follow: options.Follow, Timestamps: options.Timestamps, Tail: -1, Since: options.SinceTime, TTY: tty}
	if options.Tail > 0 {
		made.Tail = options.Tail
	}
	if options.SinceSeconds > 0 {
		made.Since = now.Add(-time.Duration(options.SinceSeconds) * time.Second)
	}
	return made
}

func hasTTY(pod *corev1.Pod, name string) bool {
	for _, one := range containersOf(pod) {
		if one.Name == name {
			return one.TTY
		}
	}
	return false
}

type limited struct {
	io.Reader
	io.Closer
}
