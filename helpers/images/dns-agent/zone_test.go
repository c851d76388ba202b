package main

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

const servicesJSON = `{"items":[
 {"metadata":{"name":"pods","namespace":"shop","annotations":{"service.beta.kubernetes.io/alibaba-cloud-private-zone-enable":"true"}},"spec":{"type":"ClusterIP","clusterIP":"172.21.0.30"}},
 {"metadata":{"name":"slb","namespace":"shop","annotations":{"service.beta.kubernetes.io/alibaba-cloud-private-zone-enable":"true"}},"spec":{"type":"LoadBalancer"},"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"}]}}},
 {"metadata":{"name":"slb-not-yet","namespace":"shop","annotations":{"service.beta.kubernetes.io/alibaba-cloud-private-zone-enable":"true"}},"spec":{"type":"LoadBalancer"}},
 {"metadata":{"name":"empty","namespace":"shop","annotations":{"service.beta.kubernetes.io/alibaba-cloud-private-zone-enable":"true"}},"spec":{"type":"ClusterIP"}},
 {"metadata":{"name":"external","namespace":"shop","annotations":{"service.beta.kubernetes.io/alibaba-cloud-private-zone-enable":"true"}},"spec":{"type":"ExternalName"}},
 {"metadata":{"name":"off","namespace":"shop","annotations":{"service.beta.kubernetes.io/alibaba-cloud-private-zone-enable":"yes"}},"spec":{"type":"ClusterIP"}},
 {"metadata":{"name":"private","namespace":"shop"},"spec":{"type":"ClusterIP"}}]}`

const slicesJSON = `{"items":[
 {"metadata":{"namespace":"shop","labels":{"kubernetes.io/service-name":"pods"}},"endpoints":[
  {"addresses":["172.20.1.9"],"conditions":{"ready":true}},{"addresses":["172.20.1.5"]},{"addresses":["172.20.1.6"],"conditions":{"ready":false}}]},
 {"metadata":{"namespace":"shop","labels":{"kubernetes.io/service-name":"pods"}},"endpoints":[{"addresses":["172.20.1.9"]}]},
 {"metadata":{"namespace":"shop","labels":{"kubernetes.io/service-name":"slb-not-yet"}},"endpoints":[{"addresses":["172.20.1.8"]}]},
 {"metadata":{"namespace":"other","labels":{"kubernetes.io/service-name":"empty"}},"endpoints":[{"addresses":["172.20.2.1"]}]},
 {"metadata":{"namespace":"shop","labels":{"kubernetes.io/service-name":"private"}},"endpoints":[{"addresses":["172.20.1.7"]}]}]}`

const wantedZone = "172.20.1.5 pods.shop\n172.20.1.9 pods.shop\n203.0.113.7 slb.shop\n"

func TestRecords(t *testing.T) {
	var services struct{ Items []service }
	var all struct{ Items []endpointSlice }
	if json.Unmarshal([]byte(servicesJSON), &services) != nil || json.Unmarshal([]byte(slicesJSON), &all) != nil {
		t.Fatal("the test's own objects")
	}
	if got := hosts(records(services.Items, all.Items)); got != wantedZone {
		t.Errorf("got %q", got)
	}
	if got := hosts(records(nil, all.Items)); got != "" {
		t.Errorf("got %q", got)
	}
}

// fakeAPI is an API server, and an api that asks it; while *down it refuses.
func fakeAPI(t *testing.T, down *bool) *api {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		answers := map[string]string{"/api/v1/services": servicesJSON, "/apis/discovery.k8s.io/v1/endpointslices": slicesJSON}
		said, known := answers[in.URL.Path]
		if *down || !known || in.Header.Get("Authorization") != "Bearer secret" {
			http.Error(out, "no", http.StatusForbidden)
			return
		}
		out.Write([]byte(said))
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	os.WriteFile(folder+"/ca.crt", authority, 0o600)
	os.WriteFile(folder+"/token", []byte("secret\n"), 0o600)
	settings := map[string]string{"API_SERVER": server.URL, "CREDENTIALS": folder}
	kube, err := newAPI(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	return kube
}

func TestTheZoneIsPublishedAndOutlivesTheCluster(t *testing.T) {
	down := false
	kube, file := fakeAPI(t, &down), filepath.Join(t.TempDir(), "hosts")
	if err := publishOnce(t.Context(), kube, file); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(file)
	if text, _ := os.ReadFile(file); string(text) != wantedZone {
		t.Errorf("got %q", text)
	}
	down = true
	if err := publishOnce(t.Context(), kube, file); err == nil {
		t.Error("a refusal was not seen")
	}
	down = false
	publishOnce(t.Context(), kube, file)
	if after, _ := os.Stat(file); !os.SameFile(before, after) {
		t.Error("a zone that is the same was written again")
	}
}

func TestCommands(t *testing.T) {
	none := func(string) string { return "" }
	for _, args := range [][]string{nil, {"serve"}, {"webhook", "x"}, {"privatezone"}, {"webhook"}} {
		if err := run(t.Context(), args, none); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
