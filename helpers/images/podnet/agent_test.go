package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// script stands for the kernel: it notes each command, and answers or fails where told to.
type script struct {
	ran     []string
	answers map[string]string
	fails   map[string]bool
}

func (s *script) run(_ context.Context, stdin string, command ...string) ([]byte, error) {
	line := strings.Join(command, " ")
	if stdin != "" {
		line += " <<< " + stdin
	}
	s.ran = append(s.ran, line)
	for start := range s.fails {
		if strings.HasPrefix(line, start) {
			return nil, errors.New(start + " fails")
		}
	}
	if answer, known := s.answers[line]; known {
		return []byte(answer), nil
	}
	return []byte("[]"), nil
}

const (
	showOurs    = "ip -4 -json route show proto 73"
	showDefault = "ip -4 -json route show default"
)

func scripted(t *testing.T) (agent, *script) {
	t.Helper()
	s := &script{
		answers: map[string]string{showDefault: `[{"dst":"default","gateway":"172.18.0.1","dev":"lo"}]`},
		fails:   map[string]bool{},
	}
	return agent{
		settings: settings{node: "worker1", podSubnet: podSubnet, conflistPath: filepath.Join(t.TempDir(), "c")},
		kernel:   kernel{run: s.run},
		log:      slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, s
}

var twoNodes = []*corev1.Node{
	node("worker1", "10.244.1.0/24", "172.18.0.2"), node("worker2", "10.244.2.0/24", "172.18.0.3")}

func TestReconcileRunsTheseCommands(t *testing.T) {
	a, s := scripted(t)
	s.answers[showOurs] = `[{"dst":"10.244.7.0/24","gateway":"172.18.0.7"}]`
	if !a.reconcile(t.Context(), twoNodes) {
		t.Error("not well")
	}
	want := []string{
		"iptables-restore -w 5 --noflush <<< *nat\n:ACPLAB-PODNET - [0:0]\n" +
			"-A ACPLAB-PODNET -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE\nCOMMIT\n",
		"iptables -w 5 -t nat -C POSTROUTING -m comment --comment Pods leave the cluster as their node -j ACPLAB-PODNET",
		showOurs,
		"ip route replace 10.244.2.0/24 via 172.18.0.3 proto 73",
		"ip route del 10.244.7.0/24 proto 73",
		showDefault,
	}
	if !slices.Equal(s.ran, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(s.ran, "\n"), strings.Join(want, "\n"))
	}
	if content, _ := os.ReadFile(a.settings.conflistPath); !strings.Contains(string(content), `"10.244.1.0/24"`) {
		t.Errorf("the conflist is %s", content)
	}
}

func TestTheJumpIsAddedWhereThereIsNone(t *testing.T) {
	a, s := scripted(t)
	s.fails["iptables -w 5 -t nat -C"] = true
	if !a.reconcile(t.Context(), twoNodes) || !strings.HasPrefix(s.ran[2], "iptables -w 5 -t nat -A POSTROUTING ") {
		t.Errorf("ran %s", strings.Join(s.ran, "\n"))
	}
}

func TestNoConflistBeforeThePodCIDR(t *testing.T) {
	a, _ := scripted(t)
	if !a.reconcile(t.Context(), []*corev1.Node{node("worker1", "", "172.18.0.2")}) {
		t.Error("waiting is no failure")
	}
	if _, err := os.Stat(a.settings.conflistPath); !os.IsNotExist(err) {
		t.Errorf("there is a conflist already (%v)", err)
	}
}

func TestOneFailureDoesNotKeepTheRest(t *testing.T) {
	for _, fails := range []string{"iptables-restore", "ip -4 -json route show proto", "ip route replace 10.244.2.0/24"} {
		a, s := scripted(t)
		s.fails[fails] = true
		if a.reconcile(t.Context(), append(twoNodes, node("worker3", "10.244.3.0/24", "172.18.0.4"))) {
			t.Errorf("%s: well in spite of it", fails)
		}
		if _, err := os.Stat(a.settings.conflistPath); err != nil {
			t.Errorf("%s: no conflist", fails)
		}
		other := "ip route replace 10.244.3.0/24 via 172.18.0.4 proto 73"
		if strings.HasPrefix(fails, "ip route") && !slices.Contains(s.ran, other) {
			t.Errorf("%s: the other route is missing too", fails)
		}
	}
}

func TestNoDefaultRoute(t *testing.T) {
	a, s := scripted(t)
	s.answers[showDefault] = "[]"
	if a.reconcile(t.Context(), twoNodes) {
		t.Error("well without a default route")
	}
}

func TestFollow(t *testing.T) {
	a, s := scripted(t)
	ctx, stop := context.WithCancel(t.Context())
	changed := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.follow(ctx, nodeWatch{nodes: func() []*corev1.Node { return twoNodes }, changed: changed})
	}()
	changed <- struct{}{} // taken only between two looks
	changed <- struct{}{}
	stop()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("does not end")
	}
	looks := 0
	for _, line := range s.ran {
		if line == showOurs {
			looks++
		}
	}
	if looks < 2 {
		t.Errorf("looked %d times", looks)
	}
}
