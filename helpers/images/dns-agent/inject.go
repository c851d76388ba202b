package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	cacheAddress = "169.254.20.10"
	domain       = "cluster.local"
	optOut       = "node-local-dns-injection"
	jst          = "annotation.jst.com/sidecar-dns-"
	corefileKey  = "acplab.dev/dns-sidecar-corefile"
	sidecarName  = "dns-sidecar"
)

// What sends a Pod, or all Pods of a namespace, to ECI.
var eci = map[string]string{
	"virtual-node-affinity-injection": "enabled",
	"eci":                             "true",
	"alibabacloud.com/eci":            "true",
}

// pod is what decides of a Pod; its spec stays as the API gives it, so that nothing in it is lost.
type pod struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec map[string]any `json:"spec"`
}

type namespace struct {
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// wantsCache says whether a Pod meets all of ACK's conditions for the node cache.
func wantsCache(p pod, n namespace) bool {
	if n.Metadata.Name == "kube-system" || n.Metadata.Name == "kube-public" {
		return false
	}
	if n.Metadata.Labels[optOut] != "enabled" || p.Metadata.Labels[optOut] == "disabled" {
		return false
	}
	return !goesToECI(p.Metadata.Labels) && !goesToECI(n.Metadata.Labels) && policyFits(p) && !wantsSidecar(p)
}

// wantsSidecar says whether a Pod asks for a cache of its own, as in the case of Jushita.
func wantsSidecar(p pod) bool { return p.Metadata.Annotations[jst+"enable"] == "on" }

func goesToECI(labels map[string]string) bool {
	for key, value := range eci {
		if labels[key] == value {
			return true
		}
	}
	return false
}

// policyFits: on the node's network ClusterFirstWithHostNet, elsewhere ClusterFirst.
func policyFits(p pod) bool {
	policy, _ := p.Spec["dnsPolicy"].(string)
	if host, _ := p.Spec["hostNetwork"].(bool); host {
		return policy == "ClusterFirstWithHostNet"
	}
	return policy == "ClusterFirst" || policy == ""
}

// cachePatch lets a Pod ask the node cache first, and the cluster's DNS Service if that does not answer.
func cachePatch(namespace, clusterDNS string) []operation {
	return askFirst(cacheAddress, namespace, clusterDNS)
}

func askFirst(first, namespace, clusterDNS string) []operation {
	config := map[string]any{
		"nameservers": []string{first, clusterDNS},
		"searches":    []string{namespace + ".svc." + domain, "svc." + domain, domain},
		"options":     []map[string]string{{"name": "ndots", "value": "3"}, {"name": "attempts", "value": "2"}, {"name": "timeout", "value": "1"}},
	}
	return []operation{{"add", "/spec/dnsPolicy", "None"}, {"add", "/spec/dnsConfig", config}}
}

var (
	number    = regexp.MustCompile(`^\d+$`)
	cpuMemory = regexp.MustCompile(`^(\d+(?:\.\d+)?)-(\d+)$`)
)

// sidecarPatch gives a Pod a CoreDNS of its own. Its Corefile is an annotation of the Pod, mounted as a file: so no
// ConfigMap has to be in each namespace. It is an init container that goes on, hence there before all others.
func sidecarPatch(p pod, namespace, clusterDNS, image string) ([]operation, error) {
	seconds, port := setting(p, "cache-duration", "30"), setting(p, "health-port", "9095")
	if !number.MatchString(seconds) || !number.MatchString(port) {
		return nil, fmt.Errorf("cache-duration and health-port must be numbers, not %q and %q", seconds, port)
	}
	requests, err := resources(setting(p, "request", "0.1-50"))
	if err != nil {
		return nil, err
	}
	limits, err := resources(setting(p, "limit", "0.5-170"))
	if err != nil {
		return nil, err
	}
	container := map[string]any{
		"name": sidecarName, "image": image, "imagePullPolicy": "IfNotPresent", "restartPolicy": "Always",
		"args":         []string{"-conf", "/etc/dns-sidecar/Corefile"},
		"resources":    map[string]any{"requests": requests, "limits": limits},
		"volumeMounts": []map[string]any{{"name": sidecarName, "mountPath": "/etc/dns-sidecar", "readOnly": true}},
		"startupProbe": map[string]any{"httpGet": map[string]any{"path": "/health", "port": portNumber(port)}, "periodSeconds": 1, "failureThreshold": 30},
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
			"capabilities": map[string]any{"add": []string{"NET_BIND_SERVICE"}, "drop": []string{"ALL"}},
		},
	}
	file := map[string]any{"path": "Corefile", "fieldRef": map[string]any{"fieldPath": "metadata.annotations['" + corefileKey + "']"}}
	volume := map[string]any{"name": sidecarName, "downwardAPI": map[string]any{"items": []any{file}}}
	return append(askFirst("127.0.0.1", namespace, clusterDNS),
		operation{"add", "/metadata/annotations/" + escaped(corefileKey), sidecarCorefile(clusterDNS, seconds, port)},
		operation{"add", "/spec/volumes", append(list(p.Spec["volumes"]), volume)},
		operation{"add", "/spec/initContainers", append([]any{container}, list(p.Spec["initContainers"])...)},
	), nil
}

func sidecarCorefile(clusterDNS, seconds, port string) string {
	return strings.Join([]string{
		".:53 {", "    bind 127.0.0.1", "    errors", "    cache " + seconds, "    forward . " + clusterDNS,
		"    health :" + port, "    prometheus :9153", "    reload", "}", "",
	}, "\n")
}

// resources reads "0.1-50": cores and MiB.
func resources(text string) (map[string]string, error) {
	found := cpuMemory.FindStringSubmatch(text)
	if found == nil {
		return nil, fmt.Errorf("%q must look like 0.1-50: cores and MiB", text)
	}
	return map[string]string{"cpu": found[1], "memory": found[2] + "Mi"}, nil
}

func setting(p pod, name, otherwise string) string {
	if value := p.Metadata.Annotations[jst+name]; value != "" {
		return value
	}
	return otherwise
}

func portNumber(text string) int {
	var port int
	fmt.Sscan(text, &port)
	return port
}

// list is a copy, so that appending changes nothing that others hold.
func list(value any) []any {
	found, _ := value.([]any)
	return slices.Clone(found)
}

// escaped is a key as a JSON pointer wants it.
func escaped(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
