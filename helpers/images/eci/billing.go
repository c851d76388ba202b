package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// The ledger keeps one record an instance: kubectl get ecirecords. It says what ran and how long; what that costs is worked
// out in Python (acplab.topics.eci), from list prices.

var records = schema.GroupVersionResource{Group: "eci.acplab.dev", Version: "v1", Resource: "ecirecords"}

// Ledger is where records are kept. Both calls may be repeated, and change nothing then.
type Ledger interface {
	Open(ctx context.Context, record Record) error
	Close(ctx context.Context, record Record, end time.Time, reason string) error
}

// Record is one instance's. From is the begin of the image pull.
type Record struct {
	Namespace, Pod, UID string
	Size                Size
	Spot                float64 // share of the list price; 0 for a usual instance
	From                time.Time
	Cached              bool // an image cache has images of the Pod
}

func (r Record) name() string { return r.Pod + "-" + r.UID[:min(8, len(r.UID))] }

func recordOf(pod *corev1.Pod, size Size, spot float64, from time.Time) Record {
	return Record{Namespace: pod.Namespace, Pod: pod.Name, UID: string(pod.UID), Size: size, Spot: spot, From: from}
}

// apiLedger keeps records in the cluster.
type apiLedger struct{ client dynamic.Interface }

func (l apiLedger) Open(ctx context.Context, r Record) error {
	spec := map[string]any{
		"pod": r.Pod, "podUID": r.UID, "size": r.Size.String(), "vcpu": r.Size.VCPU, "gib": r.Size.GiB,
		"from": r.From.UTC().Format(time.RFC3339),
	}
	if r.Spot > 0 {
		spec["spotShare"] = r.Spot
	}
	if r.Cached {
		spec["cached"] = true
	}
	if r.Size.Type != "" {
		spec["ecsType"] = r.Size.Type
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "eci.acplab.dev/v1", "kind": "ECIRecord",
		"metadata": map[string]any{"name": r.name(), "namespace": r.Namespace},
		"spec":     spec,
	}}
	_, err := l.client.Resource(records).Namespace(r.Namespace).Create(ctx, object, metav1.CreateOptions{})
	if errors.IsAlreadyExists(err) || namespaceGone(err) {
		return nil
	}
	return err
}

// namespaceGone: nothing can be noted in a namespace that is being deleted, and its bill goes with it.
func namespaceGone(err error) bool {
	return errors.IsNotFound(err) || errors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

func (l apiLedger) Close(ctx context.Context, r Record, end time.Time, reason string) error {
	client := l.client.Resource(records).Namespace(r.Namespace)
	object, err := client.Get(ctx, r.name(), metav1.GetOptions{})
	if namespaceGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if ended, _, _ := unstructured.NestedString(object.Object, "spec", "to"); ended != "" {
		return nil
	}
	seconds := billedSeconds(r.From, end)
	_ = unstructured.SetNestedField(object.Object, end.UTC().Format(time.RFC3339), "spec", "to")
	_ = unstructured.SetNestedField(object.Object, seconds, "spec", "seconds")
	_ = unstructured.SetNestedField(object.Object, reason, "spec", "reason")
	_, err = client.Update(ctx, object, metav1.UpdateOptions{})
	if namespaceGone(err) {
		return nil
	}
	return err
}

// billedSeconds counts whole seconds of the clock, a begun one included.
func billedSeconds(from, to time.Time) int64 {
	return max(to.UTC().Truncate(time.Second).Unix()-from.UTC().Truncate(time.Second).Unix(), 1)
}
