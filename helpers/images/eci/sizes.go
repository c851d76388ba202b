package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

const gib = 1 << 30

// Size of an instance. Type is an ECS type if the Pod asked for one, otherwise empty.
type Size struct {
	VCPU float64 `json:"vcpu"`
	GiB  float64 `json:"gib"`
	Type string  `json:"type,omitempty"`
}

func (s Size) String() string {
	if s.Type != "" {
		return s.Type
	}
	return fmt.Sprintf("%s-%sGi", number(s.VCPU), number(s.GiB))
}

func number(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// defaultSize is for a Pod that says nothing.
var defaultSize = Size{VCPU: 2, GiB: 4}

// specs are the sizes that ECI has now: GiB by vCPU.
var specs = map[float64][]float64{
	0.25: {0.5, 1},
	0.5:  {1, 2},
	1:    {2, 4, 8},
	2:    {1, 2, 4, 8, 16},
	4:    {2, 4, 8, 16, 32},
	8:    {4, 8, 16, 32, 64},
	12:   {12, 24, 48, 96},
	16:   {16, 32, 64, 128},
	24:   {24, 48, 96, 192},
	32:   {32, 64, 128, 256},
	52:   {96, 192, 384},
	64:   {128, 256, 512},
}

// types are ECS types that eci-use-specs may name here.
var types = map[string]Size{
	"ecs.c6.large":   {2, 4, "ecs.c6.large"},
	"ecs.c6.xlarge":  {4, 8, "ecs.c6.xlarge"},
	"ecs.c6.2xlarge": {8, 16, "ecs.c6.2xlarge"},
	"ecs.g6.large":   {2, 8, "ecs.g6.large"},
	"ecs.g6.xlarge":  {4, 16, "ecs.g6.xlarge"},
}

// sizeOf decides: eci-use-specs before limits before requests, else the default. inStock says whether ECI has one now.
func sizeOf(pod *corev1.Pod, inStock func(Size) bool) (Size, error) {
	if wanted := pod.Annotations[useSpecs]; wanted != "" {
		return firstInStock(wanted, inStock)
	}
	size, err := defaultSize, error(nil)
	if cpu, memory := sum(pod); cpu > 0 || memory > 0 {
		size, err = roundUp(cpu, memory)
	}
	if err == nil && !inStock(size) {
		return size, refusal("NoStock", "size %s is not in stock; name several in %s", size, useSpecs)
	}
	return size, err
}

func firstInStock(wanted string, inStock func(Size) bool) (Size, error) {
	for _, word := range strings.Split(wanted, ",") {
		size, err := parseSize(strings.TrimSpace(word))
		if err != nil {
			return Size{}, err
		}
		if inStock(size) {
			return size, nil
		}
	}
	return Size{}, refusal("NoStock", "no spec of %q is in stock", wanted)
}

// parseSize reads "2-4Gi", or an ECS type.
func parseSize(word string) (Size, error) {
	if size, ok := types[word]; ok {
		return size, nil
	}
	cpu, memory, _ := strings.Cut(word, "-")
	vcpu, err := strconv.ParseFloat(cpu, 64)
	quantity, err2 := resource.ParseQuantity(memory)
	if err != nil || err2 != nil {
		return Size{}, refusal("InvalidSpec", "%s: %q is no spec of ECI", useSpecs, word)
	}
	return roundUp(vcpu, quantity.AsApproximateFloat64()/gib)
}

// sum is what all containers ask for together: each one's limit, or its request where it has no limit. Init containers
// run before the others, so the largest of them counts; sidecars among them run on, so they count with the others.
func sum(pod *corev1.Pod) (vcpu, memory float64) {
	for _, one := range pod.Spec.Containers {
		vcpu += asked(one, corev1.ResourceCPU)
		memory += asked(one, corev1.ResourceMemory)
	}
	var initCPU, initMemory float64
	for _, one := range pod.Spec.InitContainers {
		if isSidecar(one) {
			vcpu += asked(one, corev1.ResourceCPU)
			memory += asked(one, corev1.ResourceMemory)
			continue
		}
		initCPU = math.Max(initCPU, asked(one, corev1.ResourceCPU))
		initMemory = math.Max(initMemory, asked(one, corev1.ResourceMemory))
	}
	return math.Max(vcpu, initCPU), math.Max(memory, initMemory) / gib
}

func asked(one corev1.Container, name corev1.ResourceName) float64 {
	if limit, ok := one.Resources.Limits[name]; ok {
		return limit.AsApproximateFloat64()
	}
	request := one.Resources.Requests[name]
	return request.AsApproximateFloat64()
}

func isSidecar(one corev1.Container) bool {
	return one.RestartPolicy != nil && *one.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// roundUp gives the cheapest spec that has at least this much of both.
func roundUp(vcpu, memory float64) (Size, error) {
	best := Size{}
	for cores, memories := range specs {
		for _, one := range memories {
			fits := cores >= vcpu-1e-9 && one >= memory-1e-9
			size := Size{VCPU: cores, GiB: one}
			if fits && (best.VCPU == 0 || perSecond(size) < perSecond(best)) {
				best = size
			}
		}
	}
	if best.VCPU == 0 {
		return Size{}, refusal("InvalidSpec", "%s vCPU and %s GiB are more than any spec of ECI has", number(vcpu), number(memory))
	}
	return best, nil
}

// List prices of FACTS 8, in yuan: they decide which spec is the cheapest. What a record costs is worked out in Python.
const (
	yuanPerVCPUSecond = 0.000049
	yuanPerGiBSecond  = 0.00000613
)

func perSecond(size Size) float64 { return size.VCPU*yuanPerVCPUSecond + size.GiB*yuanPerGiBSecond }

// listed says whether a size is one of the table.
func listed(size Size) bool { return slices.Contains(specs[size.VCPU], size.GiB) }

// freeStorage is the ephemeral storage that comes with each instance, in GiB.
const freeStorage = 30

// storageOf is an instance's ephemeral storage in GiB, with what the Pod's annotation adds. Here nothing holds a Pod to it.
func storageOf(pod *corev1.Pod) (float64, error) {
	extra := pod.Annotations[extraStorage]
	if extra == "" {
		return freeStorage, nil
	}
	quantity, err := resource.ParseQuantity(extra)
	if err != nil || quantity.Sign() <= 0 {
		return 0, refusal("InvalidParameter", "%s: %q is no size such as 50Gi", extraStorage, extra)
	}
	return freeStorage + quantity.AsApproximateFloat64()/gib, nil
}
