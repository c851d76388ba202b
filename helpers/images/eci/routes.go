package main

import (
	"context"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// An instance is on the VPC beside the nodes. It reaches a node's Pods through that node, and Services through any node.

// routesOf is what the sandbox is told: "172.21.0.0/20 via 172.18.0.3,172.20.1.0/24 via 172.18.0.4".
func routesOf(nodes []*corev1.Node, serviceCIDR string) string {
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Name < nodes[j].Name })
	var all []string
	gateway := ""
	for _, one := range nodes {
		address := internalIP(one)
		if address == "" || one.Labels["type"] == "virtual-kubelet" {
			continue
		}
		if one.Spec.PodCIDR != "" {
			all = append(all, one.Spec.PodCIDR+" via "+address)
		}
		if gateway == "" && isReady(one) {
			gateway = address
		}
	}
	if serviceCIDR != "" && gateway != "" {
		all = append(all, serviceCIDR+" via "+gateway)
	}
	return strings.Join(all, ",")
}

func internalIP(node *corev1.Node) string {
	for _, one := range node.Status.Addresses {
		if one.Type == corev1.NodeInternalIP && !strings.Contains(one.Address, ":") {
			return one.Address
		}
	}
	return ""
}

func isReady(node *corev1.Node) bool {
	for _, one := range node.Status.Conditions {
		if one.Type == corev1.NodeReady {
			return one.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (p *Provider) routes() string {
	found, err := p.nodes.List(labels.Everything())
	if err != nil {
		return ""
	}
	return routesOf(found, p.settings.ServiceCIDR)
}

// keepRoutes makes every keeper look when nodes came, went or changed their address: it tells its sandbox then.
func (p *Provider) keepRoutes(ctx context.Context) {
	for told := p.routes(); sleep(ctx, 5*time.Second); {
		routes := p.routes()
		if routes == told {
			continue
		}
		told = routes
		for _, keeper := range p.all() {
			keeper.nudge()
		}
	}
}
