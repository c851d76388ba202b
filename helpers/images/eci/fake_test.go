package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"acplab.local/eci/docker"
	corev1 "k8s.io/api/core/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// fakeDocker keeps containers in memory. Their processes run until a test ends them.
type fakeDocker struct {
	lock       sync.Mutex
	containers map[string]*docker.Container
	forms      map[string]docker.Form
	volumes    map[string]docker.Volume
	puts       int
	failStart  map[string]error // by the name of the Pod's container
	commands   []string         // that ran in containers: "container: words"
	created    int
	events     chan docker.Event
}

func newFakeDocker() *fakeDocker {
	return &fakeDocker{
		containers: map[string]*docker.Container{}, forms: map[string]docker.Form{}, volumes: map[string]docker.Volume{},
		failStart: map[string]error{}, events: make(chan docker.Event, 1000),
	}
}

func has(labels, wanted map[string]string) bool {
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return true
}

func (f *fakeDocker) Containers(_ context.Context, labels map[string]string) ([]docker.Container, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	var found []docker.Container
	for _, one := range f.containers {
		if has(one.Labels, labels) {
			found = append(found, *one)
		}
	}
	slices.SortFunc(found, func(a, b docker.Container) int { return a.Created.Compare(b.Created) })
	return found, nil
}

func (f *fakeDocker) Inspect(_ context.Context, id string) (docker.Container, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if found := f.containers[id]; found != nil {
		return *found, nil
	}
	return docker.Container{}, docker.ErrGone
}

func (f *fakeDocker) Create(_ context.Context, name string, form docker.Form) (string, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.containers[name] != nil {
		return "", docker.ErrExists
	}
	f.created++
	f.containers[name] = &docker.Container{ID: name, Name: name, Image: form.Image, Labels: maps.Clone(form.Labels), Created: time.Now(), State: docker.State{Status: "created"}}
	f.forms[name] = form
	return name, nil
}

func (f *fakeDocker) Start(_ context.Context, id string) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	one := f.containers[id]
	if one == nil {
		return docker.ErrGone
	}
	if err := f.failStart[one.Labels[labelContainer]]; err != nil {
		return err
	}
	one.State = docker.State{Status: "running", StartedAt: time.Now()}
	if one.Labels[labelRole] == "sandbox" {
		one.Addresses = map[string]string{"kind": fmt.Sprintf("172.18.1.%d", len(f.containers))}
	}
	f.tell("start", one)
	return nil
}

func (f *fakeDocker) tell(action string, one *docker.Container) {
	select {
	case f.events <- docker.Event{Action: action, ID: one.ID, Labels: one.Labels}:
	default:
	}
}

// end lets a process end by itself.
func (f *fakeDocker) end(id string, code int) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if one := f.containers[id]; one != nil && one.State.Running() {
		one.State.Status, one.State.ExitCode, one.State.FinishedAt = "exited", code, time.Now()
		f.tell("die", one)
	}
}

func (f *fakeDocker) Stop(_ context.Context, id string, _ time.Duration) error {
	f.end(id, 143)
	return nil
}

func (f *fakeDocker) Remove(_ context.Context, id string) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	delete(f.containers, id)
	return nil
}

func (f *fakeDocker) Image(_ context.Context, name string) (docker.Image, error) {
	if name == "none" {
		return docker.Image{}, docker.ErrGone
	}
	return docker.Image{ID: name, Bytes: 100}, nil
}

func (f *fakeDocker) Put(_ context.Context, _, _ string, tar io.Reader) error {
	_, err := io.Copy(io.Discard, tar)
	f.lock.Lock()
	defer f.lock.Unlock()
	f.puts++
	return err
}

func (f *fakeDocker) CreateVolume(_ context.Context, volume docker.Volume) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.volumes[volume.Name] = volume
	return nil
}

func (f *fakeDocker) Volumes(_ context.Context, labels map[string]string) ([]docker.Volume, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	var found []docker.Volume
	for _, one := range f.volumes {
		if has(one.Labels, labels) {
			found = append(found, one)
		}
	}
	return found, nil
}

func (f *fakeDocker) RemoveVolume(_ context.Context, name string) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	delete(f.volumes, name)
	return nil
}

func (f *fakeDocker) Events(ctx context.Context, _ map[string]string) (<-chan docker.Event, error) {
	return f.events, nil
}

func (f *fakeDocker) Logs(context.Context, string, docker.LogOptions) (io.ReadCloser, error) {
	return nil, nil
}
func (f *fakeDocker) Exec(_ context.Context, id string, exec docker.Exec) (int, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.commands = append(f.commands, id+": "+strings.Join(exec.Command, " "))
	return 0, nil
}
func (f *fakeDocker) Attach(context.Context, string, docker.Streams) error { return nil }

func (f *fakeDocker) ran(command string) int {
	f.lock.Lock()
	defer f.lock.Unlock()
	count := 0
	for _, one := range f.commands {
		if one == command {
			count++
		}
	}
	return count
}
func (f *fakeDocker) Stats(context.Context, string) (docker.Stats, error) {
	return docker.Stats{Read: time.Now(), CPU: time.Second, MemoryBytes: 1 << 20}, nil
}

// fakeLedger counts what is open and what was closed.
type fakeLedger struct {
	lock    sync.Mutex
	opened  map[string]int
	closed  map[string]int
	reasons map[string]string
	fail    error
}

func (l *fakeLedger) Open(_ context.Context, r Record) error {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.opened[r.UID]++
	return nil
}

// bills tells how often a Pod's record was opened and closed.
func (l *fakeLedger) bills(uid apitypes.UID) [2]int {
	l.lock.Lock()
	defer l.lock.Unlock()
	return [2]int{l.opened[string(uid)], l.closed[string(uid)]}
}

func (l *fakeLedger) away(err error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.fail = err
}

func (l *fakeLedger) Close(_ context.Context, r Record, _ time.Time, reason string) error {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.closed[r.UID]++
	l.reasons[r.UID] = reason
	return nil
}

// world is a provider with everything around it in memory.
type world struct {
	*Provider
	fake     *fakeDocker
	ledger   *fakeLedger
	podIndex cache.Indexer
	configs  cache.Indexer
	workers  cache.Indexer
	lock     sync.Mutex
	statuses map[string]corev1.PodStatus // by UID, as the API would have them
	buried   map[string]bool
	stop     context.CancelFunc
}

func indexer() cache.Indexer {
	return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
}

// newWorld over a Docker, which may be one that a former process has used.
func newWorld(fake *fakeDocker, pods cache.Indexer) *world {
	ctx, stop := context.WithCancel(context.Background())
	w := &world{
		fake: fake, ledger: &fakeLedger{opened: map[string]int{}, closed: map[string]int{}, reasons: map[string]string{}}, podIndex: pods, configs: indexer(), workers: indexer(),
		statuses: map[string]corev1.PodStatus{}, buried: map[string]bool{}, stop: stop,
	}
	p := newProvider(ctx, settings, fake)
	p.ledger, p.pods, p.configMaps = w.ledger, listers.NewPodLister(pods), listers.NewConfigMapLister(w.configs)
	p.secrets, p.nodes, p.namespaces = listers.NewSecretLister(indexer()), listers.NewNodeLister(w.workers), listers.NewNamespaceLister(indexer())
	p.allServices = listers.NewServiceLister(indexer())
	p.bury = func(_ context.Context, pod *corev1.Pod) {
		w.lock.Lock()
		defer w.lock.Unlock()
		w.buried[string(pod.UID)] = true
	}
	p.NotifyPods(ctx, func(pod *corev1.Pod) {
		w.lock.Lock()
		defer w.lock.Unlock()
		w.statuses[string(pod.UID)] = pod.Status
	})
	w.Provider = p
	return w
}

func (w *world) start() {
	if err := w.recover(w.ctx); err != nil {
		panic(err)
	}
	w.begin()
	go w.followDocker(w.ctx)
}

// started is a world on an empty Docker, at work until the test ends.
func started(t *testing.T) *world {
	t.Helper()
	w := newWorld(newFakeDocker(), indexer())
	t.Cleanup(w.stop)
	w.start()
	return w
}

// phase of a Pod as the API has it, with "ready" behind it if all of it is.
func (w *world) phase(uid string) string {
	w.lock.Lock()
	defer w.lock.Unlock()
	status := w.statuses[uid]
	if conditionOf(status, corev1.PodReady).Status == corev1.ConditionTrue {
		return string(status.Phase) + " ready"
	}
	return string(status.Phase)
}

func (w *world) isBuried(uid string) bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.buried[uid]
}

func (f *fakeDocker) count(labels map[string]string) int {
	found, _ := f.Containers(context.Background(), labels)
	return len(found)
}
