package main

import (
	"context"
	"sync"
	"time"

	"acplab.local/eci/docker"
	dto "github.com/prometheus/client_model/go"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// What kubectl top and the HPA need: metrics-server reads /metrics/resource, others /stats/summary.

// Usage of one running container.
type Usage struct {
	Pod       *corev1.Pod
	Container string
	Started   time.Time
	docker.Stats
}

// usages measures all running containers, some at a time.
func (p *Provider) usages(ctx context.Context) []Usage {
	var wait sync.WaitGroup
	var lock sync.Mutex
	var all []Usage
	places := make(chan struct{}, 8)
	for _, keeper := range p.all() {
		pod := keeper.pod() // one pointer for all of its containers: they are summed by it
		for name, attempt := range keeper.runningNow() {
			wait.Add(1)
			go func() {
				defer wait.Done()
				places <- struct{}{}
				defer func() { <-places }()
				found, err := p.docker.Stats(ctx, attempt.ID)
				if err != nil || found.Read.IsZero() {
					return
				}
				lock.Lock()
				defer lock.Unlock()
				all = append(all, Usage{pod, name, attempt.State.StartedAt, found})
			}()
		}
	}
	wait.Wait()
	return all
}

// GetMetricsResource answers /metrics/resource.
func (p *Provider) GetMetricsResource(ctx context.Context) ([]*dto.MetricFamily, error) {
	return families(p.usages(ctx), time.Now()), nil
}

func families(usages []Usage, now time.Time) []*dto.MetricFamily {
	cpu, memory := counterFamily("container_cpu_usage_seconds_total"), gaugeFamily("container_memory_working_set_bytes")
	start := gaugeFamily("container_start_time_seconds")
	podCPU, podMemory := counterFamily("pod_cpu_usage_seconds_total"), gaugeFamily("pod_memory_working_set_bytes")
	sumCPU, sumMemory := map[*corev1.Pod]float64{}, map[*corev1.Pod]float64{}
	var nodeCPU, nodeMemory float64
	for _, one := range usages {
		labels := labelPairs("container", one.Container, "namespace", one.Pod.Namespace, "pod", one.Pod.Name)
		add(cpu, labels, one.CPU.Seconds(), one.Read)
		add(memory, labels, float64(one.MemoryBytes), one.Read)
		add(start, labels, float64(one.Started.UnixNano())/1e9, time.Time{})
		sumCPU[one.Pod] += one.CPU.Seconds()
		sumMemory[one.Pod] += float64(one.MemoryBytes)
		nodeCPU += one.CPU.Seconds()
		nodeMemory += float64(one.MemoryBytes)
	}
	for pod, value := range sumCPU {
		labels := labelPairs("namespace", pod.Namespace, "pod", pod.Name)
		add(podCPU, labels, value, now)
		add(podMemory, labels, sumMemory[pod], now)
	}
	wholeCPU, wholeMemory := counterFamily("node_cpu_usage_seconds_total"), gaugeFamily("node_memory_working_set_bytes")
	add(wholeCPU, nil, nodeCPU, now)
	add(wholeMemory, nil, nodeMemory, now)
	failed := gaugeFamily("resource_scrape_error")
	add(failed, nil, 0, time.Time{})
	all := []*dto.MetricFamily{wholeCPU, wholeMemory, failed}
	for _, one := range []*dto.MetricFamily{cpu, memory, start, podCPU, podMemory} {
		if len(one.Metric) > 0 {
			all = append(all, one)
		}
	}
	return all
}

func counterFamily(name string) *dto.MetricFamily { return family(name, dto.MetricType_COUNTER) }
func gaugeFamily(name string) *dto.MetricFamily   { return family(name, dto.MetricType_GAUGE) }

func family(name string, kind dto.MetricType) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Type: &kind}
}

func add(to *dto.MetricFamily, labels []*dto.LabelPair, value float64, when time.Time) {
	metric := &dto.Metric{Label: labels}
	if !when.IsZero() {
		stamp := when.UnixMilli()
		metric.TimestampMs = &stamp
	}
	if to.GetType() == dto.MetricType_COUNTER {
		metric.Counter = &dto.Counter{Value: &value}
	} else {
		metric.Gauge = &dto.Gauge{Value: &value}
	}
	to.Metric = append(to.Metric, metric)
}

func labelPairs(words ...string) []*dto.LabelPair {
	var pairs []*dto.LabelPair
	for i := 0; i < len(words); i += 2 {
		pairs = append(pairs, &dto.LabelPair{Name: &words[i], Value: &words[i+1]})
	}
	return pairs
}

// GetStatsSummary answers /stats/summary.
func (p *Provider) GetStatsSummary(ctx context.Context) (*stats.Summary, error) {
	summary := &stats.Summary{Node: stats.NodeStats{NodeName: p.settings.Node, StartTime: metav1.NewTime(p.started)}}
	pods := map[*corev1.Pod]*stats.PodStats{}
	for _, one := range p.usages(ctx) {
		found := pods[one.Pod]
		if found == nil {
			found = &stats.PodStats{PodRef: stats.PodReference{Name: one.Pod.Name, Namespace: one.Pod.Namespace, UID: string(one.Pod.UID)}}
			pods[one.Pod] = found
		}
		nanos := uint64(one.CPU)
		memory, when := one.MemoryBytes, metav1.NewTime(one.Read)
		found.Containers = append(found.Containers, stats.ContainerStats{
			Name: one.Container, StartTime: metav1.NewTime(one.Started),
			CPU:    &stats.CPUStats{Time: when, UsageCoreNanoSeconds: &nanos},
			Memory: &stats.MemoryStats{Time: when, WorkingSetBytes: &memory},
		})
	}
	for _, one := range pods {
		summary.Pods = append(summary.Pods, *one)
	}
	return summary, nil
}
