package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"
)

// Settings of one virtual node; the deployment sets them as environment variables.
type Settings struct {
	Node        string  // name of the node
	Address     string  // our own, on the Docker network: the API server calls the kubelet API there
	Owner       string  // owner id of the acplab home: no container without it is ever touched
	Instance    string  // instance of the acplab home, for the node's label
	Cluster     string  // the kind cluster
	Network     string  // the Docker network that stands for the VPC
	Sandbox     string  // image of the sandbox, which is our own image
	Socket      string  // Docker's
	Zone        string  // of the node
	ClusterDNS  string  // address of the Service kube-dns
	Domain      string  // cluster.local
	ServiceCIDR string  // reached through a node
	PullRate    float64 // bytes a second of the simulated image pull; 0 for none
	CPUs        int     // of this machine: Docker refuses a larger limit
}

func settingsFromEnv() (Settings, error) {
	text := func(name, fallback string) string {
		if value := os.Getenv("ECI_" + name); value != "" {
			return value
		}
		return fallback
	}
	s := Settings{
		Node: text("NODE", "virtual-kubelet-cn-hangzhou-i"), Address: text("ADDRESS", ownAddress()), Owner: text("OWNER", ""),
		Instance: text("INSTANCE", ""), Cluster: text("CLUSTER", ""), Network: text("NETWORK", "kind"),
		Sandbox: text("SANDBOX_IMAGE", ""), Socket: text("DOCKER_SOCKET", "/var/run/docker.sock"),
		Zone: text("ZONE", "cn-hangzhou-i"), ClusterDNS: text("CLUSTER_DNS", ""), Domain: text("CLUSTER_DOMAIN", "cluster.local"),
		ServiceCIDR: text("SERVICE_CIDR", ""), CPUs: runtime.NumCPU(),
	}
	for name, value := range map[string]string{
		"ADDRESS": s.Address, "OWNER": s.Owner, "CLUSTER": s.Cluster, "SANDBOX_IMAGE": s.Sandbox, "CLUSTER_DNS": s.ClusterDNS,
	} {
		if value == "" {
			return s, fmt.Errorf("ECI_%s is not set", name)
		}
	}
	var err error
	if s.PullRate, err = strconv.ParseFloat(text("PULL_BYTES_PER_SECOND", "7720000"), 64); err != nil {
		return s, fmt.Errorf("ECI_PULL_BYTES_PER_SECOND is a number: %w", err)
	}
	return s, nil
}

// pullTime is how long ECI takes for an image of this size: 386 MB took 50 s on the page about image caches.
func (s Settings) pullTime(bytes int64) time.Duration {
	if s.PullRate <= 0 {
		return 0
	}
	return time.Duration(float64(bytes) / s.PullRate * float64(time.Second))
}

// ownAddress is the container's on the Docker network; it may be another one after a restart.
func ownAddress() string {
	addresses, _ := net.InterfaceAddrs()
	for _, one := range addresses {
		if found, ok := one.(*net.IPNet); ok && !found.IP.IsLoopback() && found.IP.To4() != nil {
			return found.IP.String()
		}
	}
	return ""
}
