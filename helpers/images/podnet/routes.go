package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// routes says through which node (its address) the Pods of which podCIDR are reached.
type routes map[netip.Prefix]netip.Addr

// wantedRoutes is the whole idea of this network: one route for each other node. A node without a podCIDR or an
// address yet has none; it comes with the next change of that node.
func wantedRoutes(nodes []*corev1.Node, self string, podSubnet netip.Prefix) routes {
	wanted := routes{}
	for _, node := range nodes {
		podCIDR, hasCIDR := podCIDROf(node, podSubnet)
		address, hasAddress := addressOf(node)
		if node.Name != self && hasCIDR && hasAddress {
			wanted[podCIDR] = address
		}
	}
	return wanted
}

// podCIDROf is the part of the podSubnet that the control plane gave to a node. Whatever lies outside is not ours
// to route (IPv6 included).
func podCIDROf(node *corev1.Node, podSubnet netip.Prefix) (netip.Prefix, bool) {
	for _, text := range append([]string{node.Spec.PodCIDR}, node.Spec.PodCIDRs...) {
		cidr, err := netip.ParsePrefix(text)
		if err == nil && podSubnet.Contains(cidr.Addr()) && cidr.Bits() >= podSubnet.Bits() {
			return cidr.Masked(), true
		}
	}
	return netip.Prefix{}, false
}

// addressOf is the first IPv4 InternalIP of a node: where other nodes reach it.
func addressOf(node *corev1.Node) (netip.Addr, bool) {
	for _, address := range node.Status.Addresses {
		ip, err := netip.ParseAddr(address.Address)
		if address.Type == corev1.NodeInternalIP && err == nil && ip.Is4() {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// routeChange is one step from the routes that are there to the routes that are wanted.
type routeChange struct {
	remove  bool // else: add it, or give it its new address
	podCIDR netip.Prefix
	address netip.Addr
}

// diff lists the steps from present to wanted, in the order of the podCIDRs. If nothing is to do it is empty.
func diff(present, wanted routes) []routeChange {
	var changes []routeChange
	for podCIDR, address := range present {
		if _, keep := wanted[podCIDR]; !keep {
			changes = append(changes, routeChange{remove: true, podCIDR: podCIDR, address: address})
		}
	}
	for podCIDR, address := range wanted {
		if present[podCIDR] != address {
			changes = append(changes, routeChange{podCIDR: podCIDR, address: address})
		}
	}
	slices.SortFunc(changes, func(a, b routeChange) int { return a.podCIDR.Compare(b.podCIDR) })
	return changes
}

// routeEntry is a route as `ip -json` prints it.
type routeEntry struct {
	Destination string `json:"dst"`
	Gateway     string `json:"gateway"`
	Device      string `json:"dev"`
}

func parseEntries(text []byte) ([]routeEntry, error) {
	var entries []routeEntry
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("cannot read what ip printed: %w", err)
	}
	return entries, nil
}

// routesOf reads the entries that this program made. What it cannot have made like this (a destination that is
// no prefix) is left alone.
func routesOf(entries []routeEntry) routes {
	present := routes{}
	for _, entry := range entries {
		destination, err := parseDestination(entry.Destination)
		if err != nil {
			continue
		}
		gateway, _ := netip.ParseAddr(entry.Gateway) // none: differs from every wanted one, so it is replaced
		present[destination] = gateway
	}
	return present
}

// parseDestination knows that ip prints a prefix of one address without its length.
func parseDestination(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Prefix(address.BitLen())
	}
	return netip.ParsePrefix(text)
}
