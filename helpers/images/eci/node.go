package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nodeOf is the virtual node as Kubernetes sees it.
func nodeOf(s Settings, now time.Time) corev1.Node {
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("5000"), corev1.ResourceMemory: resource.MustParse("20Ti"),
		corev1.ResourcePods: resource.MustParse("5000"), corev1.ResourceEphemeralStorage: resource.MustParse("20Ti"),
	}
	return corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: s.Node, Labels: nodeLabels(s)},
		Spec: corev1.NodeSpec{
			// acplab changes only a cluster each of whose nodes says that kind made it (kube/ownership.py).
			ProviderID: "kind://docker/" + s.Cluster + "/" + s.Node,
			Taints:     []corev1.Taint{{Key: providerTaint, Value: providerTaintName, Effect: corev1.TaintEffectNoSchedule}},
		},
		Status: corev1.NodeStatus{
			Phase: corev1.NodeRunning, Capacity: capacity, Allocatable: capacity, Conditions: nodeConditions(now),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: s.Address}, {Type: corev1.NodeHostName, Address: s.Node},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion: version, OperatingSystem: "linux", Architecture: "amd64", ContainerRuntimeVersion: "docker://eci",
				OSImage: "ECI stand-in of acplab",
			},
		},
	}
}

const (
	kubeletPort = 10250
	version     = "v1.36.3-acplab-eci"
)

func nodeLabels(s Settings) map[string]string {
	return map[string]string{
		"type":                          "virtual-kubelet",
		"alibabacloud.com/virtual-node": "true",
		"kubernetes.io/hostname":        s.Node,
		"kubernetes.io/os":              "linux",
		"kubernetes.io/role":            "agent",
		"topology.kubernetes.io/region": "cn-hangzhou",
		"topology.kubernetes.io/zone":   s.Zone,
		"node.kubernetes.io/exclude-from-external-load-balancers": "true",
		labelOwner:            s.Owner,
		"acplab.dev/instance": s.Instance,
	}
}

func nodeConditions(now time.Time) []corev1.NodeCondition {
	one := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, LastHeartbeatTime: metav1.NewTime(now), LastTransitionTime: metav1.NewTime(now),
		}
	}
	return []corev1.NodeCondition{
		one(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady"),
		one(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory"),
		one(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure"),
		one(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID"),
		one(corev1.NodeNetworkUnavailable, corev1.ConditionFalse, "RouteCreated"),
	}
}
