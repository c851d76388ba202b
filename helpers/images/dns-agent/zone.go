package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const publish = "service.beta.kubernetes.io/alibaba-cloud-private-zone-enable"

type service struct {
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Type string `json:"type"`
	} `json:"spec"`
	Status struct {
		LoadBalancer struct {
			Ingress []struct {
				IP string `json:"ip"`
			} `json:"ingress"`
		} `json:"loadBalancer"`
	} `json:"status"`
}

type endpointSlice struct {
	Metadata struct {
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	Endpoints []struct {
		Addresses  []string `json:"addresses"`
		Conditions struct {
			Ready *bool `json:"ready"`
		} `json:"conditions"`
	} `json:"endpoints"`
}

// records are name -> addresses: $svc.$ns of each annotated Service. A LoadBalancer has the address of its SLB; all
// others have those of their ready Pods, since a ClusterIP means nothing outside of the cluster.
func records(services []service, slices_ []endpointSlice) map[string][]string {
	ready := readyAddresses(slices_)
	found := map[string][]string{}
	for _, one := range services {
		name := one.Metadata.Name + "." + one.Metadata.Namespace
		if one.Metadata.Annotations[publish] != "true" || one.Spec.Type == "ExternalName" {
			continue
		}
		addresses := ready[name]
		if one.Spec.Type == "LoadBalancer" {
			addresses = balancerAddresses(one)
		}
		if len(addresses) > 0 {
			found[name] = slices.Compact(slices.Sorted(slices.Values(addresses)))
		}
	}
	return found
}

func balancerAddresses(one service) []string {
	var found []string
	for _, ingress := range one.Status.LoadBalancer.Ingress {
		if ingress.IP != "" {
			found = append(found, ingress.IP)
		}
	}
	return found
}

// readyAddresses are those of each Service, by $svc.$ns. No condition means ready, as the API says.
func readyAddresses(all []endpointSlice) map[string][]string {
	found := map[string][]string{}
	for _, one := range all {
		name := one.Metadata.Labels["kubernetes.io/service-name"] + "." + one.Metadata.Namespace
		for _, endpoint := range one.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				found[name] = append(found[name], endpoint.Addresses...)
			}
		}
	}
	return found
}

// hosts is a hosts file: a line for each address, in an order that does not change.
func hosts(all map[string][]string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, address := range all[name] {
			fmt.Fprintf(&text, "%s %s\n", address, name)
		}
	}
	return text.String()
}
