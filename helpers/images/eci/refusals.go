package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Refused is why ECI does not run a Pod. It becomes the Pod's event and its status message.
type Refused struct{ Code, Message string }

func (r Refused) Error() string { return r.Code + ": " + r.Message }

func refusal(code, message string, values ...any) error {
	return Refused{code, fmt.Sprintf(message, values...)}
}

const maxContainers, maxVolumes = 20, 20

// refuse names the first thing that ECI does not do, with what to do instead.
func refuse(pod *corev1.Pod) error {
	for _, rule := range []func(*corev1.Pod) error{
		refuseDaemonSet, refuseHostNamespaces, refuseVolumes, refuseContainers,
	} {
		if err := rule(pod); err != nil {
			return err
		}
	}
	return nil
}

func refuseDaemonSet(pod *corev1.Pod) error {
	if owner := metav1.GetControllerOf(pod); owner != nil && owner.Kind == "DaemonSet" {
		return refusal("Unsupported.DaemonSet", "a virtual node runs no DaemonSet; use a sidecar container")
	}
	return nil
}

func refuseHostNamespaces(pod *corev1.Pod) error {
	switch spec := pod.Spec; {
	case spec.HostNetwork:
		return refusal("Unsupported.HostNetwork", "an instance has no node below it; use a Service of type LoadBalancer")
	case spec.HostPID:
		return refusal("Unsupported.HostPID", "an instance has no node below it")
	case spec.HostIPC:
		return refusal("Unsupported.HostIPC", "an instance has no node below it")
	}
	return nil
}

func refuseVolumes(pod *corev1.Pod) error {
	if count := len(pod.Spec.Volumes); count > maxVolumes {
		return refusal("QuotaExceeded.Volume", "%d volumes; an instance has at most %d", count, maxVolumes)
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.HostPath != nil {
			return refusal("Unsupported.HostPath", "volume %q is a hostPath; use emptyDir, a cloud disk or NAS", volume.Name)
		}
		if !supported(volume.VolumeSource) {
			return refusal("Unsupported.Volume", "volume %q: our stand-in for ECI has emptyDir, configMap, secret, downwardAPI and projected only", volume.Name)
		}
	}
	return nil
}

func supported(source corev1.VolumeSource) bool {
	return source.EmptyDir != nil || source.ConfigMap != nil || source.Secret != nil || source.DownwardAPI != nil || source.Projected != nil
}

func refuseContainers(pod *corev1.Pod) error {
	all := containersOf(pod)
	if len(all) > maxContainers {
		return refusal("QuotaExceeded.Container", "%d containers; an instance has at most %d", len(all), maxContainers)
	}
	for _, one := range all {
		if context := one.SecurityContext; context != nil && context.Privileged != nil && *context.Privileged {
			return refusal("Unsupported.Privileged", "container %q is privileged; add single capabilities in its securityContext", one.Name)
		}
		if len(one.VolumeDevices) > 0 {
			return refusal("Unsupported.VolumeDevice", "container %q wants a raw block device", one.Name)
		}
	}
	return nil
}

// containersOf lists init containers, then the others.
func containersOf(pod *corev1.Pod) []corev1.Container {
	return append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
}

// overQuota compares what runs with what the account may have.
func overQuota(size Size, used []Size, quota float64) error {
	total := size.VCPU
	for _, one := range used {
		total += one.VCPU
	}
	if quota > 0 && total > quota {
		return refusal("QuotaExceeded.vCPU", "%s vCPU in use and %s asked for; the quota is %s",
			number(total-size.VCPU), number(size.VCPU), number(quota))
	}
	return nil
}
