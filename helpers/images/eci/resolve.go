package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The environment of a container. Upstream resolves it too, but refuses a Pod that asks for status.podIP, which an instance
// has only later; and a kubelet resolves it anew for each start. So ours is used.

// Surroundings is what a container's environment is made from.
type Surroundings struct {
	Sources
	Place    Placing
	Services []*corev1.Service // of the Pod's namespace, and kubernetes
}

// resolve gives NAME=value lines, sorted: Services first, then envFrom, then env; each may override those before it.
func resolve(pod *corev1.Pod, one corev1.Container, around Surroundings) ([]string, error) {
	all := serviceVariables(pod, around.Services)
	for _, from := range one.EnvFrom {
		if err := addFrom(all, pod, from, around); err != nil {
			return nil, err
		}
	}
	late := lateEnvironment(one, containersOf(pod), around.Place)
	for _, variable := range one.Env {
		value, there, err := valueOf(pod, variable, late, around)
		if err != nil {
			return nil, err
		}
		if there {
			all[variable.Name] = expandWord(value, all)
		}
	}
	lines := make([]string, 0, len(all))
	for name, value := range all {
		lines = append(lines, name+"="+value)
	}
	sort.Strings(lines)
	return lines, nil
}

func addFrom(all map[string]string, pod *corev1.Pod, from corev1.EnvFromSource, around Surroundings) error {
	data := map[string]string{}
	switch {
	case from.ConfigMapRef != nil:
		found, err := around.ConfigMap(pod.Namespace, from.ConfigMapRef.Name)
		if err != nil {
			return unless(optional(from.ConfigMapRef.Optional), err)
		}
		data = found.Data
	case from.SecretRef != nil:
		found, err := around.Secret(pod.Namespace, from.SecretRef.Name)
		if err != nil {
			return unless(optional(from.SecretRef.Optional), err)
		}
		for key, value := range found.Data {
			data[key] = string(value)
		}
	}
	for key, value := range data {
		all[from.Prefix+key] = value
	}
	return nil
}

// valueOf a variable; there is false for an optional one that has none.
func valueOf(pod *corev1.Pod, one corev1.EnvVar, late map[string]string, around Surroundings) (value string, there bool, err error) {
	if value, ok := late[one.Name]; ok {
		return value, true, nil
	}
	from := one.ValueFrom
	switch {
	case from == nil:
		return one.Value, true, nil
	case from.ConfigMapKeyRef != nil:
		return keyOfConfigMap(pod, *from.ConfigMapKeyRef, around)
	case from.SecretKeyRef != nil:
		return keyOfSecret(pod, *from.SecretKeyRef, around)
	case from.FieldRef != nil:
		value, err = envField(pod, from.FieldRef.FieldPath)
		return value, true, err
	}
	return "", false, nil
}

func keyOfConfigMap(pod *corev1.Pod, from corev1.ConfigMapKeySelector, around Surroundings) (string, bool, error) {
	found, err := around.ConfigMap(pod.Namespace, from.Name)
	if err != nil {
		return "", false, unless(optional(from.Optional), err)
	}
	return keyOf(found.Data, from.Key, optional(from.Optional), "ConfigMap", pod.Namespace, from.Name)
}

func keyOfSecret(pod *corev1.Pod, from corev1.SecretKeySelector, around Surroundings) (string, bool, error) {
	found, err := around.Secret(pod.Namespace, from.Name)
	if err != nil {
		return "", false, unless(optional(from.Optional), err)
	}
	return keyOf(found.Data, from.Key, optional(from.Optional), "Secret", pod.Namespace, from.Name)
}

func keyOf[T string | []byte](data map[string]T, key string, mayLack bool, kind, namespace, name string) (string, bool, error) {
	value, ok := data[key]
	if !ok && !mayLack {
		return "", false, fmt.Errorf("couldn't find key %s in %s %s/%s", key, kind, namespace, name)
	}
	return string(value), ok, nil
}

// envField has two fields more than a volume may show.
func envField(pod *corev1.Pod, field string) (string, error) {
	switch field {
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	}
	return podField(pod, field)
}

// serviceVariables are those of kubernetes always, and of the namespace's other Services unless the Pod declines.
func serviceVariables(pod *corev1.Pod, services []*corev1.Service) map[string]string {
	all := map[string]string{}
	links := pod.Spec.EnableServiceLinks == nil || *pod.Spec.EnableServiceLinks
	for _, one := range services {
		main := one.Namespace == "default" && one.Name == "kubernetes"
		if !main && (!links || one.Namespace != pod.Namespace) {
			continue
		}
		if address := one.Spec.ClusterIP; address != "" && address != corev1.ClusterIPNone {
			addService(all, one, address)
		}
	}
	return all
}

func addService(all map[string]string, service *corev1.Service, address string) {
	prefix := strings.ToUpper(strings.ReplaceAll(service.Name, "-", "_"))
	all[prefix+"_SERVICE_HOST"] = address
	for i, port := range service.Spec.Ports {
		number, protocol := strconv.Itoa(int(port.Port)), string(port.Protocol)
		if protocol == "" {
			protocol = "TCP"
		}
		url := strings.ToLower(protocol) + "://" + address + ":" + number
		if i == 0 {
			all[prefix+"_SERVICE_PORT"], all[prefix+"_PORT"] = number, url
		}
		if port.Name != "" {
			all[prefix+"_SERVICE_PORT_"+strings.ToUpper(strings.ReplaceAll(port.Name, "-", "_"))] = number
		}
		link := prefix + "_PORT_" + number + "_" + protocol
		all[link], all[link+"_PROTO"], all[link+"_PORT"], all[link+"_ADDR"] = url, strings.ToLower(protocol), number, address
	}
}
