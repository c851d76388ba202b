package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"acplab.local/eci/docker"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	"k8s.io/utils/exec"
)

// RunInContainer is kubectl exec.
func (p *Provider) RunInContainer(ctx context.Context, namespace, pod, container string, command []string, attach api.AttachIO) error {
	attempt, err := p.running(ctx, namespace, pod, container)
	if err != nil {
		return err
	}
	code, err := p.docker.Exec(ctx, attempt.ID, docker.Exec{Command: command, Streams: streamsOf(ctx, attach)})
	if err == nil && code != 0 {
		err = exec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
	}
	return err
}

// AttachToContainer is kubectl attach.
func (p *Provider) AttachToContainer(ctx context.Context, namespace, pod, container string, attach api.AttachIO) error {
	attempt, err := p.running(ctx, namespace, pod, container)
	if err != nil {
		return err
	}
	streams := streamsOf(ctx, attach)
	streams.TTY = attempt.TTY // the container's own, whatever the client has: it says in which form its output comes
	return p.docker.Attach(ctx, attempt.ID, streams)
}

// PortForward is kubectl port-forward: the sandbox dials from inside, so that a server on 127.0.0.1 is reached too.
func (p *Provider) PortForward(ctx context.Context, namespace, pod string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	keeper, err := p.anyKeeper(namespace, pod)
	if err != nil {
		return err
	}
	view, err := keeper.look(ctx)
	if err != nil {
		return err
	}
	if view.Sandbox == nil {
		return errdefs.NotFoundf("pod %q has no instance yet", pod)
	}
	var said strings.Builder
	streams := docker.Streams{In: stream, Out: stream, Err: &said}
	command := []string{"/sandbox", "dial", strconv.Itoa(int(port))}
	code, err := p.docker.Exec(ctx, view.Sandbox.ID, docker.Exec{Command: command, Streams: streams})
	if err == nil && code != 0 {
		return fmt.Errorf("port %d: %s", port, strings.TrimSpace(said.String()))
	}
	return err
}

func (p *Provider) running(ctx context.Context, namespace, pod, container string) (*Attempt, error) {
	keeper, err := p.anyKeeper(namespace, pod)
	if err != nil {
		return nil, err
	}
	view, err := keeper.look(ctx)
	if err != nil {
		return nil, err
	}
	attempt := view.current(container)
	if attempt == nil || !attempt.State.Running() {
		return nil, errdefs.NotFoundf("container not found (%q)", container)
	}
	return attempt, nil
}

// streamsOf takes care of Go's nil interfaces: a stream that is not there must be nil for Docker too.
func streamsOf(ctx context.Context, attach api.AttachIO) docker.Streams {
	streams := docker.Streams{TTY: attach.TTY()}
	if in := attach.Stdin(); in != nil {
		streams.In = in
	}
	if out := attach.Stdout(); out != nil {
		streams.Out = out
	}
	if errs := attach.Stderr(); errs != nil {
		streams.Err = errs
	}
	if attach.TTY() {
		streams.Resize = sizesOf(ctx, attach.Resize())
	}
	return streams
}

// sizesOf ends with ctx: upstream never closes its channel.
func sizesOf(ctx context.Context, from <-chan api.TermSize) <-chan docker.Size {
	sizes := make(chan docker.Size)
	go func() {
		defer close(sizes)
		for {
			select {
			case <-ctx.Done():
				return
			case size := <-from:
				select {
				case <-ctx.Done():
					return
				case sizes <- docker.Size{Width: size.Width, Height: size.Height}:
				}
			}
		}
	}()
	return sizes
}
