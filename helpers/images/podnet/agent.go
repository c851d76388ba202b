package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// agent makes the network of one node what the list of all nodes says.
type agent struct {
	settings settings
	kernel   kernel
	log      *slog.Logger
}

// reconcile looks at what is there, every time anew, and changes what differs: so it does not matter what was
// missed, or who removed a route by hand. It says whether all is well now. One thing that fails does not keep
// the others.
func (a agent) reconcile(ctx context.Context, nodes []*corev1.Node) bool {
	well := true
	for _, step := range []func(context.Context, []*corev1.Node) error{a.masquerade, a.routes, a.conflist} {
		if err := step(ctx, nodes); err != nil {
			a.log.Error(err.Error())
			well = false
		}
	}
	return well
}

func (a agent) masquerade(ctx context.Context, _ []*corev1.Node) error {
	return a.kernel.masquerade(ctx, a.settings.podSubnet)
}

// routes brings the routes to the other nodes up to date.
func (a agent) routes(ctx context.Context, nodes []*corev1.Node) error {
	present, err := a.kernel.routes(ctx)
	if err != nil {
		return err
	}
	failed := 0
	changes := diff(present, wantedRoutes(nodes, a.settings.node, a.settings.podSubnet))
	for _, change := range changes {
		if err := a.kernel.change(ctx, change); err != nil {
			a.log.Error(err.Error())
			failed++
			continue
		}
		a.log.Info(strings.Join(change.command(), " "))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d routes could not be changed", failed, len(changes))
	}
	return nil
}

// conflist writes the CNI configuration once this node has been given its podCIDR. From then on the kubelet calls
// the node Ready and Pods start, so this step is the last.
func (a agent) conflist(ctx context.Context, nodes []*corev1.Node) error {
	podCIDR, known := a.ownPodCIDR(nodes)
	if !known {
		a.log.Info("this node has no podCIDR yet", "node", a.settings.node)
		return nil
	}
	mtu, err := a.kernel.mtu(ctx)
	if err != nil {
		return err
	}
	changed, err := writeIfChanged(a.settings.conflistPath, conflist(podCIDR, mtu))
	if changed && err == nil {
		a.log.Info("wrote "+a.settings.conflistPath, "podCIDR", podCIDR, "mtu", mtu)
	}
	return err
}

func (a agent) ownPodCIDR(nodes []*corev1.Node) (netip.Prefix, bool) {
	for _, node := range nodes {
		if node.Name == a.settings.node {
			return podCIDROf(node, a.settings.podSubnet)
		}
	}
	return netip.Prefix{}, false
}
