// Podnet is the Pod network of every node: one agent on each node. The control plane gives every node a part of
// the Pod subnet (its podCIDR); the agent plugs the Pods of its own node into a bridge, and keeps one route to
// each other node:
//
//	ip route replace 10.244.1.0/24 via 172.18.0.3      "the Pods 10.244.1.* are behind that node"
//
// There is no tunnel: a packet from Pod to Pod crosses the network of the nodes as it is. Flannel in ACK does the
// same, except that there the route table of the VPC holds the one route a node, and a cloud controller keeps it.
//
// It knows IPv4 only. When it ends it leaves routes and rules in place, since Pods go on talking.
//
//	NODE_NAME               this node (downward API: spec.nodeName)
//	POD_SUBNET              the subnet of all Pods, such as 10.244.0.0/16
//	CONTROL_PLANE_ENDPOINT  HOST:PORT of the API server; optional. The Service kubernetes works only once
//	                        kube-proxy is there, so naming the API server makes a new node ready sooner.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	resyncAfter = 10 * time.Second // how long a route that somebody removed by hand stays away
	retryAfter  = 3 * time.Second
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	settings, err := readSettings(os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "podnet: %v\n", err)
		os.Exit(2)
	}
	client, err := connect(settings.apiServer)
	if err != nil {
		fmt.Fprintf(os.Stderr, "podnet: %v\n", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	warnAboutBridge(log)
	kernel := kernel{run: onNode(nodeRoot)}
	if err := addPlugin(ctx, kernel); err != nil {
		log.Error(err.Error())
		os.Exit(1)
	}
	log.Info("waiting for the list of nodes", "node", settings.node, "podSubnet", settings.podSubnet)
	watch := watchNodes(ctx, client)
	agent{settings: settings, kernel: kernel, log: log}.follow(ctx, watch)
}

// addPlugin brings along the one CNI plugin that not every node has.
func addPlugin(ctx context.Context, k kernel) error {
	bridge, err := os.ReadFile("/bridge")
	if err != nil {
		return err
	}
	return k.addPlugin(ctx, pluginFolder, string(bridge))
}

// follow reconciles now, whenever a node has changed, and from time to time in any case, until ctx ends.
func (a agent) follow(ctx context.Context, watch nodeWatch) {
	for ctx.Err() == nil {
		wait := resyncAfter
		if !a.reconcile(ctx, watch.nodes()) {
			wait = retryAfter
		}
		select {
		case <-ctx.Done():
		case <-watch.changed:
		case <-time.After(wait):
		}
	}
}

// warnAboutBridge tells of a kernel setting that Pods miss only now and then: a packet between two Pods of one node
// stays inside the bridge, and without br_netfilter iptables does not see the answer of a Service's Pod.
func warnAboutBridge(log *slog.Logger) {
	const path = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	if value, err := os.ReadFile(path); err != nil || string(value) != "1\n" {
		log.Warn("a Pod will not reach a Service whose Pod is on the same node: "+
			"load br_netfilter on the host", path, string(value))
	}
}
