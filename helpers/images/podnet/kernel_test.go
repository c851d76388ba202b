package main

import (
	"context"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// ownNetwork moves this test into a network of its own, with an interface eth0 and a default route. Only root may.
func ownNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and its network with it
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Skipf("needs root and a network namespace: %v", err)
	}
	for _, line := range []string{
		"ip link set lo up",
		"ip link add eth0 mtu 1450 type veth peer name eth1",
		"ip address add 172.18.0.2/16 dev eth0",
		"ip link set eth1 up",
		"ip link set eth0 up",
		"ip route add default via 172.18.0.1",
		"iptables -t nat -S",
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Skipf("%s: %s", line, out)
		}
	}
}

func printed(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %s", line, out)
	}
	return string(out)
}

// TestOnARealKernel lives through what happens to a node: start, a node more, one that moves, one that goes.
func TestOnARealKernel(t *testing.T) {
	ownNetwork(t)
	a, _ := scripted(t)
	a.kernel.run = onNode("")
	printed(t, "ip route add 10.244.9.0/24 via 172.18.0.9") // somebody else's
	steps := []struct {
		nodes []*corev1.Node
		want  routes
	}{
		{twoNodes[:1], table()},
		{twoNodes, table("10.244.2.0/24", "172.18.0.3")},
		{twoNodes, table("10.244.2.0/24", "172.18.0.3")},
		{[]*corev1.Node{twoNodes[0], node("worker2", "10.244.2.0/24", "172.18.0.8")}, table("10.244.2.0/24", "172.18.0.8")},
		{twoNodes[:1], table()},
	}
	for i, step := range steps {
		if !a.reconcile(t.Context(), step.nodes) {
			t.Fatalf("step %d failed", i)
		}
		if got, err := a.kernel.routes(context.Background()); err != nil || !maps.Equal(got, step.want) {
			t.Errorf("step %d: routes %v (%v), want %v", i, got, err, step.want)
		}
	}
	if others := printed(t, "ip route show 10.244.9.0/24"); !strings.Contains(others, "172.18.0.9") {
		t.Errorf("somebody else's route is gone: %q", others)
	}
	checkMasquerade(t)
	if content := printed(t, "cat "+filepath.Clean(a.settings.conflistPath)); !strings.Contains(content, `"mtu": 1450`) {
		t.Errorf("the conflist has not the MTU of eth0:\n%s", content)
	}
}

// checkMasquerade looks for one jump and one rule, however often the agent has come by.
func checkMasquerade(t *testing.T) {
	t.Helper()
	rules := printed(t, "iptables -t nat -S")
	for _, want := range []string{
		"-A ACPLAB-PODNET -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE\n",
		"-j ACPLAB-PODNET\n",
	} {
		if strings.Count(rules, want) != 1 {
			t.Errorf("%q is not there exactly once:\n%s", want, rules)
		}
	}
}

func TestARouteThatCannotBe(t *testing.T) {
	ownNetwork(t)
	a, _ := scripted(t)
	a.kernel.run = onNode("")
	unreachable := []*corev1.Node{twoNodes[0], node("far", "10.244.3.0/24", "192.0.2.1")}
	printed(t, "ip route del default")
	if a.reconcile(t.Context(), unreachable) {
		t.Error("well with a route that cannot be")
	}
}

func TestAddingThePlugin(t *testing.T) {
	folder := t.TempDir()
	k := kernel{run: onNode("")}
	for _, bridge := range []string{"the first", "another"} {
		if err := k.addPlugin(context.Background(), folder, bridge); err != nil {
			t.Fatal(err)
		}
	}
	if said := printed(t, "ls -A "+folder+"; cat "+folder+"/bridge; test -x "+folder+"/bridge"); said != "bridge\nthe first" {
		t.Errorf("a node's own plugin should stay: %q", said)
	}
	if err := k.addPlugin(context.Background(), filepath.Join(folder, "missing"), "x"); err == nil {
		t.Error("a node without a folder for plugins went unnoticed")
	}
}
