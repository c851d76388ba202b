package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Containerd takes the first file by name, and 10- comes before what others may bring.
const conflistPath = nodeRoot + "/etc/cni/net.d/10-acplab.conflist"

const (
	nodeRoot     = "/host"        // where the node's root file system is mounted
	pluginFolder = "/opt/cni/bin" // where containerd looks for CNI plugins, in the node
)

type settings struct {
	node         string       // the name of the node that this agent runs on
	podSubnet    netip.Prefix // all Pods of the cluster
	apiServer    string       // HOST:PORT, or empty for the one that the Service kubernetes leads to
	conflistPath string
}

// readSettings reads the environment. Its error is one sentence that names the variable.
func readSettings(getenv func(string) string) (settings, error) {
	s := settings{
		node:         getenv("NODE_NAME"),
		apiServer:    getenv("CONTROL_PLANE_ENDPOINT"),
		conflistPath: conflistPath,
	}
	if s.node == "" {
		return s, errors.New("NODE_NAME must be the name of this node (downward API, spec.nodeName)")
	}
	var err error
	s.podSubnet, err = firstIPv4(getenv("POD_SUBNET"))
	return s, err
}

// firstIPv4 takes the IPv4 part of a list such as 10.244.0.0/16,fd00:10:244::/56.
func firstIPv4(list string) (netip.Prefix, error) {
	for _, text := range strings.Split(list, ",") {
		if prefix, err := netip.ParsePrefix(strings.TrimSpace(text)); err == nil && prefix.Addr().Is4() {
			return prefix.Masked(), nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("POD_SUBNET must have an IPv4 prefix such as 10.244.0.0/16, not %q", list)
}
