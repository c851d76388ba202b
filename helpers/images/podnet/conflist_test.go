package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestConflist(t *testing.T) {
	var got, want any
	if err := json.Unmarshal(conflist(netip.MustParsePrefix("10.244.3.0/24"), 1450), &got); err != nil {
		t.Fatal(err)
	}
	json.Unmarshal([]byte(`{"cniVersion": "1.0.0", "name": "acplab", "plugins": [
		{"type": "bridge", "bridge": "cni0", "isGateway": true, "forceAddress": true, "hairpinMode": true,
		 "ipMasq": false, "mtu": 1450,
		 "ipam": {"type": "host-local", "dataDir": "/run/acplab-podnet",
		          "ranges": [[{"subnet": "10.244.3.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": "portmap", "capabilities": {"portMappings": true}}]}`), &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestWriteIfChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.d", "10-acplab.conflist") // the folder is made too
	for _, step := range []struct {
		content string
		changed bool
	}{{"one", true}, {"one", false}, {"two", true}} {
		changed, err := writeIfChanged(path, []byte(step.content))
		if err != nil || changed != step.changed {
			t.Errorf("%s: changed %v, want %v (%v)", step.content, changed, step.changed, err)
		}
		if got, _ := os.ReadFile(path); string(got) != step.content {
			t.Errorf("the file says %q, want %q", got, step.content)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
