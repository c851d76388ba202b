package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// A case of cases.json, which the course's own model is tested with, too. What it does not name is as ACK wants it.
type injectionCase struct {
	Name      string
	Inject    bool
	Namespace struct {
		Name   string
		Labels map[string]string
	}
	Pod struct {
		Labels, Annotations map[string]string
		Spec                map[string]any
	}
}

func TestWhoIsInjected(t *testing.T) {
	text, err := os.ReadFile("cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []injectionCase
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 20 {
		t.Fatal(len(cases), err)
	}
	for _, one := range cases {
		t.Run(one.Name, func(t *testing.T) {
			if got := wantsCache(one.objects()); got != one.Inject {
				t.Errorf("got %v", got)
			}
		})
	}
}

func (c injectionCase) objects() (pod, namespace) {
	var p pod
	var n namespace
	p.Metadata.Labels, p.Metadata.Annotations = c.Pod.Labels, c.Pod.Annotations
	p.Spec = map[string]any{"dnsPolicy": "ClusterFirst"}
	for key, value := range c.Pod.Spec {
		p.Spec[key] = value
	}
	n.Metadata.Name, n.Metadata.Labels = c.Namespace.Name, c.Namespace.Labels
	if n.Metadata.Name == "" {
		n.Metadata.Name = "shop"
	}
	if n.Metadata.Labels == nil {
		n.Metadata.Labels = map[string]string{optOut: "enabled"}
	}
	return p, n
}

func TestWhatTheCacheWrites(t *testing.T) {
	text, _ := json.Marshal(cachePatch("shop", "172.21.0.10"))
	want := `[{"op":"add","path":"/spec/dnsPolicy","value":"None"},{"op":"add","path":"/spec/dnsConfig","value":` +
		`{"nameservers":["169.254.20.10","172.21.0.10"],"options":[{"name":"ndots","value":"3"},{"name":"attempts","value":"2"},` +
		`{"name":"timeout","value":"1"}],"searches":["shop.svc.cluster.local","svc.cluster.local","cluster.local"]}}]`
	if string(text) != want {
		t.Errorf("got %s", text)
	}
}

func sidecarPod(annotations map[string]string) pod {
	var p pod
	p.Metadata.Annotations = map[string]string{jst + "enable": "on"}
	for key, value := range annotations {
		p.Metadata.Annotations[jst+key] = value
	}
	p.Spec = map[string]any{"volumes": []any{"own"}, "initContainers": []any{"own"}}
	return p
}

func TestTheSidecarComesFirstAndKeepsWhatIsThere(t *testing.T) {
	p := sidecarPod(map[string]string{"cache-duration": "60", "health-port": "9100"})
	patch, err := sidecarPatch(p, "shop", "172.21.0.10", "coredns:1")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	for _, one := range patch {
		values[one.Path] = one.Value
	}
	if values["/spec/dnsPolicy"] != "None" {
		t.Error(values)
	}
	containers := values["/spec/initContainers"].([]any)
	if len(containers) != 2 || containers[1] != "own" || containers[0].(map[string]any)["image"] != "coredns:1" {
		t.Error(containers)
	}
	if volumes := values["/spec/volumes"].([]any); len(volumes) != 2 || volumes[0] != "own" {
		t.Error(volumes)
	}
	file := values["/metadata/annotations/acplab.dev~1dns-sidecar-corefile"].(string)
	for _, line := range []string{"cache 60", "health :9100", "forward . 172.21.0.10", "bind 127.0.0.1"} {
		if !strings.Contains(file, line) {
			t.Errorf("no %q in %s", line, file)
		}
	}
}

func TestSettingsOfTheSidecar(t *testing.T) {
	got, err := resources("0.1-50")
	if want := map[string]string{"cpu": "0.1", "memory": "50Mi"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Error(got, err)
	}
	for key, value := range map[string]string{"request": "much", "limit": "1", "health-port": "x", "cache-duration": "3\n}"} {
		if _, err := sidecarPatch(sidecarPod(map[string]string{key: value}), "shop", "1", "i"); err == nil {
			t.Errorf("%s %q was taken", key, value)
		}
	}
}
