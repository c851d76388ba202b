package main

import (
	"context"
	"sort"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ResourcePolicy: where the Pods of an application go first, and where then. A Pod that a policy concerns comes with a
// scheduling gate (manifests/eci/30-admission.yaml); here its unit is chosen and the gate opened.

var resourcePolicies = schema.GroupVersionResource{Group: "scheduling.alibabacloud.com", Version: "v1alpha1", Resource: "resourcepolicies"}

const (
	policyGate   = "scheduling.alibabacloud.com/resource-policy"
	policyUnit   = "scheduling.alibabacloud.com/unit"
	deletionCost = "controller.kubernetes.io/pod-deletion-cost"
)

// Policy as in the API.
type Policy struct {
	Spec struct {
		Selector map[string]string `json:"selector"`
		Units    []Unit            `json:"units"`
	} `json:"spec"`
}

// Unit is a place for Pods: ecs nodes, or eci. Max is how many of them, without one as many as fit.
type Unit struct {
	Resource     string            `json:"resource"`
	NodeSelector map[string]string `json:"nodeSelector"`
	Max          *int              `json:"max"`
}

// choose gives the first unit that has room for a Pod; -1 if none has.
func (p Policy) choose(pod *corev1.Pod, nodes []*corev1.Node, pods []*corev1.Pod) int {
	for i, unit := range p.Spec.Units {
		if unit.Max != nil && p.placed(i, pods) >= *unit.Max {
			continue
		}
		if unit.Resource == "eci" || unit.fits(pod, nodes, pods) {
			return i
		}
	}
	return -1
}

// placed counts the Pods that live in a unit already.
func (p Policy) placed(unit int, pods []*corev1.Pod) int {
	count := 0
	for _, one := range pods {
		mine := labels.SelectorFromSet(p.Spec.Selector).Matches(labels.Set(one.Labels))
		if mine && one.Annotations[policyUnit] == unitName(unit) && !isDone(one) {
			count++
		}
	}
	return count
}

func unitName(unit int) string { return "unit-" + string(rune('0'+unit)) }

func isDone(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || pod.DeletionTimestamp != nil
}

// fits says whether one of the unit's nodes has room. Pods that got a unit and no node yet are counted on the emptiest one
// by taking their requests off the sum of the unit.
func (u Unit) fits(pod *corev1.Pod, nodes []*corev1.Node, pods []*corev1.Pod) bool {
	wantCPU, wantMemory := requested(pod)
	for _, node := range nodes {
		if node.Labels["type"] == "virtual-kubelet" || node.Spec.Unschedulable || !isReady(node) || tainted(node) {
			continue
		}
		if !labels.SelectorFromSet(u.NodeSelector).Matches(labels.Set(node.Labels)) {
			continue
		}
		freeCPU := node.Status.Allocatable.Cpu().MilliValue()
		freeMemory := node.Status.Allocatable.Memory().Value()
		freePods := node.Status.Allocatable.Pods().Value()
		for _, one := range pods {
			waiting := one.Spec.NodeName == "" && len(one.Spec.SchedulingGates) == 0 && one.Annotations[policyUnit] != "" && one.Spec.NodeSelector["type"] != "virtual-kubelet"
			if (one.Spec.NodeName == node.Name || waiting) && !isDone(one) {
				cpu, memory := requested(one)
				freeCPU, freeMemory, freePods = freeCPU-cpu, freeMemory-memory, freePods-1
			}
		}
		if freeCPU >= wantCPU && freeMemory >= wantMemory && freePods >= 1 {
			return true
		}
	}
	return false
}

func tainted(node *corev1.Node) bool {
	for _, one := range node.Spec.Taints {
		if one.Effect != corev1.TaintEffectPreferNoSchedule {
			return true
		}
	}
	return false
}

// requested is in thousandths of a core and bytes.
func requested(pod *corev1.Pod) (cpu, memory int64) {
	for _, one := range pod.Spec.Containers {
		cpu += one.Resources.Requests.Cpu().MilliValue()
		memory += one.Resources.Requests.Memory().Value()
	}
	return cpu, memory
}

// placedIn is a Pod as it goes to a unit: the later the unit, the earlier it is deleted when the application shrinks.
func placedIn(pod *corev1.Pod, policy Policy, unit int) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.Spec.SchedulingGates = nil
	chosen := policy.Spec.Units[unit]
	pod.Spec.NodeSelector = added(pod.Spec.NodeSelector, chosen.NodeSelector)
	if chosen.Resource == "eci" {
		pod.Spec.NodeSelector["type"] = "virtual-kubelet"
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: providerTaint, Operator: corev1.TolerationOpExists})
	}
	cost := strconv.Itoa(-100 * unit)
	pod.Annotations = added(pod.Annotations, map[string]string{policyUnit: unitName(unit), deletionCost: cost})
	return pod
}

// applyPolicies opens the gates, the oldest Pod first, one after the other: each counts those before it.
func (p *Provider) applyPolicies(ctx context.Context) {
	for sleep(ctx, time.Second) {
		for namespace, policies := range p.policies(ctx) {
			p.placePods(ctx, namespace, policies)
		}
	}
}

func (p *Provider) policies(ctx context.Context) map[string][]Policy {
	found, err := p.dynamic.Resource(resourcePolicies).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil // the CRD is not there: nobody uses it
	}
	all := map[string][]Policy{}
	for i := range found.Items {
		if policy, ok := policyOf(&found.Items[i]); ok {
			namespace := found.Items[i].GetNamespace()
			all[namespace] = append(all[namespace], policy)
		}
	}
	return all
}

func policyOf(object *unstructured.Unstructured) (Policy, bool) {
	policy := Policy{}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &policy)
	return policy, err == nil && len(policy.Spec.Selector) > 0
}

func (p *Provider) placePods(ctx context.Context, namespace string, policies []Policy) {
	found, err := p.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	nodes, err := p.nodes.List(labels.Everything())
	if err != nil {
		return
	}
	pods := pointers(found.Items)
	for i, one := range pods {
		if one.Namespace != namespace || !isGated(one) {
			continue
		}
		for _, policy := range policies {
			if !labels.SelectorFromSet(policy.Spec.Selector).Matches(labels.Set(one.Labels)) {
				continue
			}
			unit := policy.choose(one, nodes, hideOthers(pods, namespace))
			if unit < 0 {
				break
			}
			if changed, err := p.client.CoreV1().Pods(namespace).Update(ctx, placedIn(one, policy, unit), metav1.UpdateOptions{}); err == nil {
				pods[i] = changed
			}
			break
		}
	}
}

// hideOthers keeps all Pods: those of other namespaces take room on nodes too. A unit's count looks at labels, and a label
// may be the same elsewhere, so theirs are hidden.
func hideOthers(pods []*corev1.Pod, namespace string) []*corev1.Pod {
	var all []*corev1.Pod
	for _, one := range pods {
		if one.Namespace != namespace {
			one = one.DeepCopy()
			one.Labels = nil
		}
		all = append(all, one)
	}
	return all
}

func pointers(pods []corev1.Pod) []*corev1.Pod {
	var all []*corev1.Pod
	for i := range pods {
		all = append(all, &pods[i])
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].CreationTimestamp.Before(&all[j].CreationTimestamp) })
	return all
}

func isGated(pod *corev1.Pod) bool {
	for _, one := range pod.Spec.SchedulingGates {
		if one.Name == policyGate {
			return true
		}
	}
	return false
}
