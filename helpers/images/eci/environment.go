package main

import (
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Placing is what a Pod knows of its place only after it has one.
type Placing struct {
	PodIP, HostIP string
	Size          Size
}

// lateEnvironment gives the variables of a container that depend on its place.
func lateEnvironment(written corev1.Container, containers []corev1.Container, place Placing) map[string]string {
	late := map[string]string{}
	for _, one := range written.Env {
		if one.ValueFrom == nil {
			continue
		}
		if field := one.ValueFrom.FieldRef; field != nil {
			if value, ok := addressField(field.FieldPath, place); ok {
				late[one.Name] = value
			}
		}
		if field := one.ValueFrom.ResourceFieldRef; field != nil {
			if value, ok := resourceField(field, written, containers, place.Size); ok {
				late[one.Name] = value
			}
		}
	}
	return late
}

func addressField(path string, place Placing) (string, bool) {
	switch path {
	case "status.podIP", "status.podIPs":
		return place.PodIP, true
	case "status.hostIP", "status.hostIPs":
		return place.HostIP, true
	}
	return "", false
}

// resourceField is a limit or request, in units of the divisor. Without a limit it is the instance's size, as the kubelet
// gives the node's.
func resourceField(field *corev1.ResourceFieldSelector, self corev1.Container, all []corev1.Container, size Size) (string, bool) {
	if field.ContainerName != "" {
		found := false
		for _, one := range all {
			if one.Name == field.ContainerName {
				self, found = one, true
			}
		}
		if !found {
			return "", false
		}
	}
	kind, name, _ := strings.Cut(field.Resource, ".")
	list := self.Resources.Limits
	if kind == "requests" {
		list = self.Resources.Requests
	}
	value, ok := list[corev1.ResourceName(name)]
	if !ok && kind == "limits" {
		value, ok = sizeQuantity(name, size)
	}
	if !ok {
		return "0", kind == "requests"
	}
	return divided(name, value, field.Divisor), true
}

func sizeQuantity(name string, size Size) (resource.Quantity, bool) {
	switch name {
	case "cpu":
		return *resource.NewMilliQuantity(int64(size.VCPU*1000), resource.DecimalSI), true
	case "memory":
		return *resource.NewQuantity(int64(size.GiB*gib), resource.BinarySI), true
	}
	return resource.Quantity{}, false
}

func divided(name string, value, divisor resource.Quantity) string {
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	if name == "cpu" {
		return strconv.FormatInt(int64(math.Ceil(float64(value.MilliValue())/float64(divisor.MilliValue()))), 10)
	}
	return strconv.FormatInt(int64(math.Ceil(float64(value.Value())/float64(divisor.Value()))), 10)
}

// expand replaces $(NAME) in commands and arguments; $$(NAME) stays as $(NAME), an unknown name as it is.
func expand(words []string, lines []string) []string {
	known := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		known[name] = value
	}
	var expanded []string
	for _, word := range words {
		expanded = append(expanded, expandWord(word, known))
	}
	return expanded
}

func expandWord(word string, known map[string]string) string {
	var out strings.Builder
	for len(word) > 0 {
		switch {
		case strings.HasPrefix(word, "$$"):
			out.WriteByte('$')
			word = word[2:]
		case strings.HasPrefix(word, "$(") && strings.Contains(word, ")"):
			end := strings.Index(word, ")")
			if value, ok := known[word[2:end]]; ok {
				out.WriteString(value)
			} else {
				out.WriteString(word[:end+1])
			}
			word = word[end+1:]
		default:
			out.WriteByte(word[0])
			word = word[1:]
		}
	}
	return out.String()
}
