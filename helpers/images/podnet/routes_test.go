package main

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var podSubnet = netip.MustParsePrefix("10.244.0.0/16")

// node is a Node as the control plane has it; podCIDR and address may be empty.
func node(name, podCIDR, address string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDR: podCIDR}}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}}
	if address != "" {
		n.Status.Addresses = append(n.Status.Addresses,
			corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	}
	return n
}

// table makes routes of pairs podCIDR, address.
func table(pairs ...string) routes {
	made := routes{}
	for pair := range slices.Chunk(pairs, 2) {
		made[netip.MustParsePrefix(pair[0])] = netip.MustParseAddr(pair[1])
	}
	return made
}

func TestWantedRoutes(t *testing.T) {
	self := node("worker1", "10.244.1.0/24", "172.18.0.2")
	other := node("worker2", "10.244.2.0/24", "172.18.0.3")
	dual := node("worker3", "fd00:10:244:3::/64", "fc00::4")
	dual.Spec.PodCIDRs = []string{"fd00:10:244:3::/64", "10.244.3.0/24"}
	dual.Status.Addresses = append(dual.Status.Addresses,
		corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: "47.98.0.4"},
		corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: "172.18.0.4"})
	for name, c := range map[string]struct {
		nodes []*corev1.Node
		want  routes
	}{
		"no nodes":                  {nil, table()},
		"never one to itself":       {[]*corev1.Node{self}, table()},
		"one for each other node":   {[]*corev1.Node{self, other}, table("10.244.2.0/24", "172.18.0.3")},
		"own Node object deleted":   {[]*corev1.Node{other}, table("10.244.2.0/24", "172.18.0.3")},
		"no podCIDR yet":            {[]*corev1.Node{self, node("new", "", "172.18.0.9")}, table()},
		"no address yet":            {[]*corev1.Node{self, node("new", "10.244.9.0/24", "")}, table()},
		"only the IPv4 half":        {[]*corev1.Node{self, dual}, table("10.244.3.0/24", "172.18.0.4")},
		"outside of the Pod subnet": {[]*corev1.Node{self, node("odd", "10.96.0.0/24", "172.18.0.9")}, table()},
		"larger than the subnet":    {[]*corev1.Node{self, node("odd", "0.0.0.0/0", "172.18.0.9")}, table()},
		"not a prefix":              {[]*corev1.Node{self, node("odd", "10.244.9.0", "172.18.0.9")}, table()},
	} {
		if got := wantedRoutes(c.nodes, "worker1", podSubnet); !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	change := func(remove bool, podCIDR, address string) routeChange {
		return routeChange{remove, netip.MustParsePrefix(podCIDR), netip.MustParseAddr(address)}
	}
	two := table("10.244.1.0/24", "172.18.0.2", "10.244.2.0/24", "172.18.0.3")
	for name, c := range map[string]struct {
		present, wanted routes
		want            []routeChange
	}{
		"nothing there, nothing wanted": {table(), table(), nil},
		"all is well":                   {two, two, nil},
		"a fresh node": {table(), two, []routeChange{
			change(false, "10.244.1.0/24", "172.18.0.2"), change(false, "10.244.2.0/24", "172.18.0.3")}},
		"a node has gone": {two, table("10.244.2.0/24", "172.18.0.3"), []routeChange{
			change(true, "10.244.1.0/24", "172.18.0.2")}},
		"a node came back with another address": {two, table("10.244.1.0/24", "172.18.0.7", "10.244.2.0/24", "172.18.0.3"),
			[]routeChange{change(false, "10.244.1.0/24", "172.18.0.7")}},
		"a node came back with another podCIDR": {two, table("10.244.1.0/24", "172.18.0.2", "10.244.9.0/24", "172.18.0.3"),
			[]routeChange{change(true, "10.244.2.0/24", "172.18.0.3"), change(false, "10.244.9.0/24", "172.18.0.3")}},
		"two nodes swapped their addresses": {two, table("10.244.1.0/24", "172.18.0.3", "10.244.2.0/24", "172.18.0.2"),
			[]routeChange{change(false, "10.244.1.0/24", "172.18.0.3"), change(false, "10.244.2.0/24", "172.18.0.2")}},
	} {
		if got := diff(c.present, c.wanted); !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got, c.want)
		}
	}
}

func TestReadingRoutes(t *testing.T) {
	entries, err := parseEntries([]byte(`[
		{"dst":"10.244.1.0/24","gateway":"172.18.0.3","dev":"eth0","flags":[]},
		{"dst":"10.244.9.7","gateway":"172.18.0.4","dev":"eth0","flags":["linkdown"]},
		{"dst":"10.244.2.0/24","dev":"eth0","scope":"link","flags":[]},
		{"dst":"default","gateway":"172.18.0.1","dev":"eth0","flags":[]}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := table("10.244.1.0/24", "172.18.0.3", "10.244.9.7/32", "172.18.0.4")
	want[netip.MustParsePrefix("10.244.2.0/24")] = netip.Addr{}
	if got := routesOf(entries); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := parseEntries([]byte("Error: what?")); err == nil {
		t.Error("took nonsense for routes")
	}
}
