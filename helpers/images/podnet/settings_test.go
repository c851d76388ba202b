package main

import (
	"strings"
	"testing"
)

func environ(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestSettings(t *testing.T) {
	s, err := readSettings(environ(map[string]string{
		"NODE_NAME": "worker1", "POD_SUBNET": "fd00:10:244::/56, 10.244.0.0/16", "CONTROL_PLANE_ENDPOINT": "kind:6443"}))
	want := settings{node: "worker1", podSubnet: podSubnet, apiServer: "kind:6443", conflistPath: conflistPath}
	if err != nil || s != want {
		t.Errorf("got %+v (%v), want %+v", s, err, want)
	}
}

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct{ node, subnet, want string }{
		{"", "10.244.0.0/16", "NODE_NAME must be"},
		{"worker1", "", `POD_SUBNET must have an IPv4 prefix such as 10.244.0.0/16, not ""`},
		{"worker1", "fd00:10:244::/56", `not "fd00:10:244::/56"`},
		{"worker1", "10.244.0.0", `not "10.244.0.0"`},
	} {
		_, err := readSettings(environ(map[string]string{"NODE_NAME": c.node, "POD_SUBNET": c.subnet}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
