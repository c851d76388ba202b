package main

import (
	"archive/tar"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"acplab.local/eci/docker"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var settings = Settings{
	Node: "virtual", Address: "172.18.0.2", Owner: "me", Cluster: "small", Network: "kind", Sandbox: "acplab/eci:1",
	ClusterDNS: "172.21.0.10", Domain: "cluster.local", ServiceCIDR: "172.21.0.0/20", CPUs: 2,
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// --- deciding -----------------------------------------------------------------------------------------------------

// attempt of a container: "running", "created", or its exit code with how long ago it ended: "1 5s".
func attempt(name string, number, crashes int, state string) Attempt {
	one := docker.Container{ID: name + string(rune('0'+number)), Image: "shop", Labels: map[string]string{labelRole: "container", labelContainer: name}}
	code, ago, ended := strings.Cut(state, " ")
	if !ended {
		one.State = docker.State{Status: state, StartedAt: noon.Add(-time.Minute)}
		return Attempt{one, number, crashes}
	}
	wait, _ := time.ParseDuration(ago)
	one.State = docker.State{Status: "exited", ExitCode: int(code[0] - '0'), StartedAt: noon.Add(-time.Hour), FinishedAt: noon.Add(-wait)}
	return Attempt{one, number, crashes}
}

func viewWith(attempts ...Attempt) View {
	sandbox := &docker.Container{ID: "sandbox", Created: noon.Add(-time.Hour), State: docker.State{Status: "running"}, Addresses: map[string]string{"kind": "172.18.0.9"}}
	view := View{Sandbox: sandbox, attempts: map[string][]Attempt{}}
	for _, one := range attempts {
		name := one.Labels[labelContainer]
		view.attempts[name] = append(view.attempts[name], one)
	}
	return view
}

// said puts a step into a word: "sandbox", "start a", "kill a", "finish", "wait 10s" or "rest".
func said(step Step) string {
	switch {
	case step.Sandbox:
		return "sandbox"
	case step.Start != nil:
		return "start " + step.Start.Name
	case step.Kill != nil:
		return "kill " + step.Kill.Name
	case step.Finish:
		return "finish"
	case step.Again > 0:
		return "wait " + step.Again.String()
	}
	return "rest"
}

func sidecar(name string) corev1.Container {
	always := corev1.ContainerRestartPolicyAlways
	return corev1.Container{Name: name, RestartPolicy: &always}
}

func TestDecisions(t *testing.T) {
	plain := func() *corev1.Pod { return podOf(container("a", ""), container("b", "")) }
	policy := func(pod *corev1.Pod, policy corev1.RestartPolicy) *corev1.Pod {
		pod.Spec.RestartPolicy = policy
		return pod
	}
	inits := func(inits ...corev1.Container) *corev1.Pod {
		pod := podOf(container("a", ""))
		pod.Spec.InitContainers = inits
		return pod
	}
	deadline := plain()
	hour := int64(3600)
	deadline.Spec.ActiveDeadlineSeconds = &hour
	probed := sidecar("s")
	probed.StartupProbe = &corev1.Probe{}
	none := newKnown()
	for name, one := range map[string]struct {
		pod   *corev1.Pod
		view  View
		known Known
		want  string
	}{
		"first the sandbox":            {plain(), View{}, none, "sandbox"},
		"then each container":          {plain(), viewWith(), none, "start a"},
		"one after the other":          {plain(), viewWith(attempt("a", 0, 0, "running")), none, "start b"},
		"made and not started":         {plain(), viewWith(attempt("a", 0, 0, "created")), none, "start a"},
		"all run":                      {plain(), viewWith(attempt("a", 0, 0, "running"), attempt("b", 0, 0, "running")), none, "rest"},
		"first crash":                  {plain(), viewWith(attempt("a", 0, 0, "1 1s"), attempt("b", 0, 0, "running")), none, "start a"},
		"second crash waits":           {plain(), viewWith(attempt("a", 1, 1, "1 4s"), attempt("b", 0, 0, "running")), none, "wait 6s"},
		"the wait is over":             {plain(), viewWith(attempt("a", 1, 1, "1 10s"), attempt("b", 0, 0, "running")), none, "start a"},
		"Always restarts success":      {plain(), viewWith(attempt("a", 0, 0, "0 1s"), attempt("b", 0, 0, "running")), none, "start a"},
		"OnFailure keeps success":      {policy(plain(), "OnFailure"), viewWith(attempt("a", 0, 0, "0 1s"), attempt("b", 0, 0, "running")), none, "rest"},
		"Never, all over":              {policy(plain(), "Never"), viewWith(attempt("a", 0, 0, "0 1s"), attempt("b", 0, 0, "1 1s")), none, "finish"},
		"liveness gave up":             {plain(), viewWith(attempt("a", 0, 0, "running"), attempt("b", 0, 0, "running")), Known{Kill: map[string]string{"b": "why"}}, "kill b"},
		"the pull failed":              {podOf(container("a", "")), viewWith(), Known{Waiting: map[string]Waiting{"a": {Until: noon.Add(7 * time.Second)}}}, "wait 7s"},
		"init comes first":             {inits(container("i", ""), container("j", "")), viewWith(), none, "start i"},
		"init runs":                    {inits(container("i", ""), container("j", "")), viewWith(attempt("i", 0, 0, "running")), none, "rest"},
		"next init":                    {inits(container("i", ""), container("j", "")), viewWith(attempt("i", 0, 0, "0 1s")), none, "start j"},
		"init done":                    {inits(container("i", "")), viewWith(attempt("i", 0, 0, "0 1s")), none, "start a"},
		"init failed":                  {inits(container("i", "")), viewWith(attempt("i", 1, 1, "1 1s")), none, "wait 9s"},
		"init failed for good":         {policy(inits(container("i", "")), "Never"), viewWith(attempt("i", 0, 0, "1 1s")), none, "finish"},
		"sidecar needs to start only":  {inits(sidecar("s")), viewWith(attempt("s", 0, 0, "running")), none, "start a"},
		"sidecar with a startup probe": {inits(probed), viewWith(attempt("s", 0, 0, "running")), none, "rest"},
		"sidecar ended later":          {inits(sidecar("s")), viewWith(attempt("s", 0, 0, "0 1s"), attempt("a", 0, 0, "running")), none, "start s"},
		"sidecar waits beside":         {inits(sidecar("s")), viewWith(attempt("s", 1, 1, "1 4s"), attempt("a", 0, 0, "running")), none, "wait 6s"},
		"the shorter wait counts":      {inits(sidecar("s")), viewWith(attempt("s", 1, 1, "1 4s"), attempt("a", 1, 1, "1 8s")), none, "wait 2s"},
		"sidecars keep no Job alive":   {policy(inits(sidecar("s")), "Never"), viewWith(attempt("s", 0, 0, "running"), attempt("a", 0, 0, "0 1s")), none, "finish"},
		"deadline":                     {deadline, viewWith(attempt("a", 0, 0, "running"), attempt("b", 0, 0, "running")), none, "finish"},
		"taken back":                   {plain(), viewWith(attempt("a", 0, 0, "running")), Known{Failure: &Failure{"Expired", ""}}, "finish"},
	} {
		if got := said(decide(one.pod, one.view, one.known, noon)); got != one.want {
			t.Errorf("%s: %s, not %s", name, got, one.want)
		}
	}
}

func TestSandboxThatDiedIsStartedAgain(t *testing.T) {
	view := viewWith(attempt("a", 0, 0, "0 1s"))
	view.Sandbox.State.Status = "exited"
	if got := said(decide(podOf(container("a", "")), view, newKnown(), noon)); got != "sandbox" {
		t.Error(got)
	}
}

// --- status -------------------------------------------------------------------------------------------------------

func conditionOf(status corev1.PodStatus, kind corev1.PodConditionType) corev1.PodCondition {
	for _, one := range status.Conditions {
		if one.Type == kind {
			return one
		}
	}
	return corev1.PodCondition{}
}

func TestStatusOfARunningPod(t *testing.T) {
	pod := podOf(container("a", ""))
	pod.Spec.Containers[0].ReadinessProbe = &corev1.Probe{}
	view, known := viewWith(attempt("a", 2, 1, "running")), newKnown()
	view.attempts["a"] = append([]Attempt{attempt("a", 1, 0, "1 1m")}, view.attempts["a"]...)
	status := statusOf(settings, pod, corev1.PodStatus{}, view, known, noon)
	one := status.ContainerStatuses[0]
	if status.Phase != "Running" || status.PodIP != "172.18.0.9" || one.Ready || one.RestartCount != 2 || !*one.Started {
		t.Errorf("%+v", status)
	}
	if one.LastTerminationState.Terminated == nil || one.LastTerminationState.Terminated.ExitCode != 1 {
		t.Errorf("last state: %+v", one.LastTerminationState)
	}
	if ready := conditionOf(status, corev1.PodReady); ready.Status != "False" || ready.Message != "containers with unready status: [a]" {
		t.Errorf("%+v", ready)
	}
	known.Ready["a"] = true
	if ready := conditionOf(statusOf(settings, pod, status, view, known, noon), corev1.PodReady); ready.Status != "True" {
		t.Errorf("%+v", ready)
	}
}

func TestReasonsAreTheKubelets(t *testing.T) {
	oom := attempt("a", 0, 0, "9 1s")
	oom.State.OOMKilled = true
	broken := attempt("a", 0, 0, "1 1s")
	broken.State.StartedAt, broken.State.Error = time.Time{}, "no such file"
	for want, one := range map[string]Attempt{
		"Completed": attempt("a", 0, 0, "0 1s"), "Error": attempt("a", 0, 0, "3 1s"), "OOMKilled": oom, "StartError": broken,
	} {
		if got := terminated(one.Container); got.Reason != want {
			t.Errorf("%s, not %s", got.Reason, want)
		}
	}
}

func TestBackOffShows(t *testing.T) {
	status := statusOf(settings, podOf(container("a", "")), corev1.PodStatus{}, viewWith(attempt("a", 2, 2, "1 1s")), newKnown(), noon)
	one := status.ContainerStatuses[0]
	if one.State.Waiting == nil || one.State.Waiting.Reason != "CrashLoopBackOff" || !strings.HasPrefix(one.State.Waiting.Message, "back-off 20s restarting failed container=a pod=web_shop(") {
		t.Errorf("%+v", one.State)
	}
	if one.LastTerminationState.Terminated == nil || status.Phase != "Running" {
		t.Errorf("%+v", status)
	}
}

func TestPhases(t *testing.T) {
	never := podOf(container("a", ""), container("b", ""))
	never.Spec.RestartPolicy = corev1.RestartPolicyNever
	for want, view := range map[corev1.PodPhase]View{
		"Pending":   viewWith(),
		"Running":   viewWith(attempt("a", 0, 0, "0 1s"), attempt("b", 0, 0, "running")),
		"Succeeded": viewWith(attempt("a", 0, 0, "0 1s"), attempt("b", 0, 0, "0 1s")),
		"Failed":    viewWith(attempt("a", 0, 0, "0 1s"), attempt("b", 0, 0, "1 1s")),
	} {
		if got := phaseOf(never, view, newKnown(), noon); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	failed := statusOf(settings, never, corev1.PodStatus{}, viewWith(), Known{Failure: &Failure{"Expired", "gone"}}, noon)
	if failed.Phase != "Failed" || failed.Reason != "Expired" {
		t.Errorf("%+v", failed)
	}
}

func TestConditionsOfOthersStayAndTimesTooUntilAChange(t *testing.T) {
	early := metav1.NewTime(noon.Add(-time.Hour))
	former := corev1.PodStatus{Conditions: []corev1.PodCondition{
		{Type: "example.com/gate", Status: "True"}, {Type: corev1.PodReady, Status: "True", LastTransitionTime: early},
	}}
	pod := podOf(container("a", ""))
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/gate"}}
	status := statusOf(settings, pod, former, viewWith(attempt("a", 0, 0, "running")), newKnown(), noon)
	if ready := conditionOf(status, corev1.PodReady); ready.Status != "True" || !ready.LastTransitionTime.Equal(&early) {
		t.Errorf("%+v", ready)
	}
	if conditionOf(status, "example.com/gate").Status != "True" {
		t.Error("the gate's condition was lost")
	}
	former.Conditions[0].Status = "False"
	if ready := conditionOf(statusOf(settings, pod, former, viewWith(attempt("a", 0, 0, "running")), newKnown(), noon), corev1.PodReady); ready.Reason != "ReadinessGatesNotReady" {
		t.Errorf("%+v", ready)
	}
}

// --- Docker's forms ----------------------------------------------------------------------------------------------

func TestSandboxForm(t *testing.T) {
	pod := podOf(container("a", ""))
	pod.Spec.Volumes = []corev1.Volume{{Name: "data"}}
	form, err := sandboxForm(settings, pod, defaultSize, "10.0.0.0/8 via 172.18.0.3")
	if err != nil || form.HostConfig.NetworkMode != "kind" || form.Hostname != "web" || form.HostConfig.Mounts[0].Target != "/volumes/data" {
		t.Errorf("%+v %v", form, err)
	}
	if form.Labels[labelOwner] != "me" || form.Labels[labelCluster] != "small" || form.Labels[labelPod] != "shop/web" {
		t.Errorf("%v", form.Labels)
	}
	again, size, ok := podFromLabels(form.Labels)
	if !ok || size != defaultSize || again.UID != pod.UID || len(again.Spec.Volumes) != 1 {
		t.Errorf("%v %v %v", again, size, ok)
	}
}

func TestResolvConf(t *testing.T) {
	pod := podOf()
	pod.Spec.DNSPolicy = corev1.DNSClusterFirst
	want := "nameserver 172.21.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
	if got := resolvConf(settings, pod); got != want {
		t.Errorf("%q", got)
	}
	two := "2"
	pod.Spec.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"1.1.1.1"}, Options: []corev1.PodDNSConfigOption{{Name: "ndots", Value: &two}}}
	if got := resolvConf(settings, pod); !strings.Contains(got, "nameserver 1.1.1.1") || !strings.HasSuffix(got, "options ndots:2\n") {
		t.Errorf("%q", got)
	}
	pod.Spec.DNSPolicy = corev1.DNSNone
	if got := resolvConf(settings, pod); strings.Contains(got, "172.21.0.10") || strings.Contains(got, "search") {
		t.Errorf("%q", got)
	}
	pod.Spec.DNSPolicy, pod.Spec.DNSConfig = corev1.DNSDefault, nil
	if got := resolvConf(settings, pod); got != "" {
		t.Errorf("%q", got)
	}
}

func TestContainerForm(t *testing.T) {
	yes, no, uid, gid := true, false, int64(1000), int64(2000)
	pod := podOf(container("a", "500m 64Mi"))
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &uid, FSGroup: &gid}
	one := pod.Spec.Containers[0]
	one.Command, one.Args = []string{"serve"}, []string{"--name=$(NAME)"}
	one.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "data", MountPath: "/one", SubPath: "a/../b", ReadOnly: true}}
	one.SecurityContext = &corev1.SecurityContext{
		ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_ADMIN"}},
	}
	start := Start{SandboxID: "sandbox", Attempt: 2, Crashes: 1, Lines: []string{"NAME=x"}, Place: Placing{Size: defaultSize}, Mountpoint: func(name string) string { return "/var/lib/docker/" + name }}
	form := containerForm(settings, pod, one, start)
	host := form.HostConfig
	if host.NetworkMode != "container:sandbox" || host.NanoCpus != 5e8 || host.Memory != 64<<20 || host.MemorySwap != host.Memory || host.CpuShares != 512 {
		t.Errorf("%+v", host)
	}
	if form.User != "1000" || !slices.Equal(host.GroupAdd, []string{"2000"}) || !host.ReadonlyRootfs || host.CapDrop[0] != "ALL" || host.SecurityOpt[0] != "no-new-privileges" {
		t.Errorf("%+v", form)
	}
	if !slices.Equal(form.Cmd, []string{"--name=x"}) || form.Labels[labelAttempt] != "2" || form.Labels[labelCrashes] != "1" {
		t.Errorf("%+v", form)
	}
	if host.Mounts[0].Type != "volume" || host.Mounts[1].Source != "/var/lib/docker/data/b" || !host.Mounts[1].ReadOnly {
		t.Errorf("%+v", host.Mounts)
	}
}

func TestAVerySmallLimitIsDockersSmallest(t *testing.T) {
	if got := nanoCPUs(container("a", "1m 64Mi"), defaultSize, 2); got != 1e7 {
		t.Error(got)
	}
}

func TestWithoutLimitsTheInstanceIsTheLimitAndTheMachineTheMost(t *testing.T) {
	form := containerForm(settings, podOf(), container("a", ""), Start{Place: Placing{Size: Size{VCPU: 64, GiB: 128}}})
	if form.HostConfig.NanoCpus != 2e9 || form.HostConfig.Memory != 128<<30 {
		t.Errorf("%+v", form.HostConfig)
	}
}

// --- volumes ------------------------------------------------------------------------------------------------------

type sources struct{ configs, secrets map[string]map[string]string }

func (s sources) ConfigMap(_, name string) (*corev1.ConfigMap, error) {
	data, ok := s.configs[name]
	if !ok {
		return nil, errors.New("not found")
	}
	return &corev1.ConfigMap{Data: data}, nil
}

func (s sources) Secret(_, name string) (*corev1.Secret, error) {
	found := &corev1.Secret{Data: map[string][]byte{}}
	for key, text := range s.secrets[name] {
		found.Data[key] = []byte(text)
	}
	return found, nil
}

func (s sources) Token(*corev1.Pod, corev1.ServiceAccountTokenProjection) (string, error) {
	return "secret", nil
}

var stock = sources{configs: map[string]map[string]string{"conf": {"a": "1", "b": "2"}}, secrets: map[string]map[string]string{"pass": {"word": "x"}}}

func paths(files []File) string {
	var all []string
	for _, one := range files {
		all = append(all, one.Path+"="+string(one.Data))
	}
	return strings.Join(all, " ")
}

func TestFilesOfVolumes(t *testing.T) {
	pod := podOf(container("a", "1 64Mi"))
	pod.Labels = map[string]string{"app": "web"}
	name := corev1.LocalObjectReference{Name: "conf"}
	yes := true
	for want, source := range map[string]corev1.VolumeSource{
		"a=1 b=2": {ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: name}},
		"d/x=2":   {ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: name, Items: []corev1.KeyToPath{{Key: "b", Path: "d/x"}}}},
		"word=x":  {Secret: &corev1.SecretVolumeSource{SecretName: "pass"}},
		"":        {ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "none"}, Optional: &yes}},
		"app=web cpu=1 labels=app=\"web\"": {DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
			{Path: "app", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['app']"}},
			{Path: "cpu", ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: "a", Resource: "limits.cpu"}},
		}}},
		"a=1 b=2 token=secret": {Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: name}},
		}}},
	} {
		files, err := filesOf(pod, corev1.Volume{VolumeSource: source}, Placing{Size: defaultSize}, stock)
		if err != nil || paths(files) != want {
			t.Errorf("%q %v, not %q", paths(files), err, want)
		}
	}
	if _, err := filesOf(pod, corev1.Volume{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}}, Placing{}, stock); err == nil {
		t.Error("a ConfigMap that is not there was taken")
	}
}

func TestArchiveHasTheKubeletsLayout(t *testing.T) {
	group := int64(7)
	pod := podOf()
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{FSGroup: &group}
	made := newArchive(pod, noon)
	made.empty("scratch")
	made.files("conf", []File{{"a", []byte("1"), 0o600}, {"d/x", []byte("2"), 0o644}})
	found := map[string]string{}
	for reader := tar.NewReader(made.reader()); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		text, _ := io.ReadAll(reader)
		found[strings.TrimSuffix(header.Name, "/")] = header.Linkname + string(text)
		if header.Gid != 7 {
			t.Errorf("%s has group %d", header.Name, header.Gid)
		}
	}
	stamp := found["conf/..data"]
	want := map[string]string{"scratch": "", "conf": "", "conf/" + stamp: "", "conf/" + stamp + "/a": "1", "conf/" + stamp + "/d": "",
		"conf/" + stamp + "/d/x": "2", "conf/..data": stamp, "conf/a": "..data/a", "conf/d": "..data/d"}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("%v", found)
	}
}

func TestDigestSeesEveryChange(t *testing.T) {
	base := []File{{"a", []byte("1"), 0o644}}
	for _, other := range [][]File{{{"a", []byte("2"), 0o644}}, {{"b", []byte("1"), 0o644}}, {{"a", []byte("1"), 0o600}}, nil} {
		if digest(base) == digest(other) {
			t.Errorf("%v", other)
		}
	}
}

func TestMemoryVolumes(t *testing.T) {
	limit := resource.MustParse("1Mi")
	volume := corev1.Volume{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: "Memory", SizeLimit: &limit}}}
	if got := dockerVolume(settings, podOf(), volume); got.DriverOpts["type"] != "tmpfs" || got.DriverOpts["o"] != "mode=0777,size=1048576" || got.Labels[labelOwner] != "me" {
		t.Errorf("%+v", got)
	}
}

// --- probes -------------------------------------------------------------------------------------------------------

func TestVerdictsNeedAnswersInARow(t *testing.T) {
	probe := corev1.Probe{FailureThreshold: 3, SuccessThreshold: 2}
	verdict := counter{good: true}
	var changes []int
	for i, ok := range []bool{false, false, true, false, false, false, true, true, false} {
		if verdict.record(ok, probe) {
			changes = append(changes, i)
		}
	}
	if !slices.Equal(changes, []int{5, 7}) || !verdict.good {
		t.Errorf("%v %v", changes, verdict)
	}
}

func TestNamedPorts(t *testing.T) {
	one := asker{container: corev1.Container{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}}
	if port, err := one.port(intstr.FromString("http")); port != 8080 || err != nil {
		t.Error(port, err)
	}
	if port, _ := one.port(intstr.FromInt32(9)); port != 9 {
		t.Error(port)
	}
	if _, err := one.port(intstr.FromString("no")); err == nil {
		t.Error("an unknown name was taken")
	}
}

// --- ECI's own ----------------------------------------------------------------------------------------------------

func TestProfile(t *testing.T) {
	config := &corev1.ConfigMap{Data: map[string]string{"vswitchIds": "vsw-1, vsw-2", "selectors": `[
	  {"name": "other", "objectSelector": {"matchLabels": {"app": "other"}}, "effect": {"annotations": {"x": "wrong"}}},
	  {"name": "both", "namespaceSelector": {"matchLabels": {"team": "a"}}, "objectSelector": {"matchLabels": {"app": "web"}},
	   "effect": {"annotations": {"x": "new", "own": "lost"}, "labels": {"y": "1"}}},
	  {"name": "late", "objectSelector": {"matchLabels": {"app": "web"}}, "effect": {"annotations": {"x": "late", "more": "added"}}},
	  {"name": "all", "effect": {"annotations": {"z": "everyone"}}}]`}}
	profile, err := profileOf(config)
	if err != nil || len(profile.VSwitchIDs) != 2 || len(profile.Selectors) != 4 {
		t.Fatalf("%+v %v", profile, err)
	}
	pod := podOf()
	pod.Labels, pod.Annotations = map[string]string{"app": "web"}, map[string]string{"own": "kept"}
	got, _ := profile.apply(pod, map[string]string{"team": "a"})
	if got.Annotations["x"] != "new" || got.Annotations["own"] != "kept" || got.Labels["y"] != "1" || pod.Annotations["x"] != "" {
		t.Errorf("%v %v", got.Annotations, got.Labels)
	}
	if got.Annotations["more"] != "added" || got.Annotations["z"] != "everyone" {
		t.Errorf("each match adds its effect, and a selector without conditions matches all: %v", got.Annotations)
	}
	if got, _ = profile.apply(pod, nil); got.Annotations["x"] != "late" {
		t.Errorf("both selectors must match: %v", got.Annotations)
	}
	if got := vSwitchOf(pod, profile, nil); got != "vsw-1" {
		t.Error(got)
	}
	pod.Annotations[vSwitchStrategy] = "VSwitchRandom"
	if got := vSwitchOf(pod, profile, func(int) int { return 1 }); got != "vsw-2" {
		t.Error(got)
	}
}

func TestSpot(t *testing.T) {
	market, clock := marketOf(&corev1.ConfigMap{Data: map[string]string{"price-share": "0.5", "speed": "60"}})
	if market.Share != 0.5 || !market.Stock || clock.Protected != time.Minute || clock.Notice != 3*time.Second {
		t.Errorf("%v %v", market, clock)
	}
	if why := market.refuses(Bid{Spot: true}, defaultSize); why != "" {
		t.Error(why)
	}
	if market.refuses(Bid{Spot: true, Limit: 0.22}, defaultSize) == "" || market.refuses(Bid{Spot: true, Limit: 0.23}, defaultSize) != "" {
		t.Error("the limit is compared with the wrong price")
	}
	if (Market{Share: 0.1}).refuses(Bid{Spot: true}, defaultSize) == "" {
		t.Error("nothing in stock, and given")
	}
	pod := podOf()
	for limit, good := range map[string]bool{"0.5": true, "0.5555": false, "x": false, "": false, "-1": false} {
		pod.Annotations[spotStrategy], pod.Annotations[spotPriceLimit] = "SpotWithPriceLimit", limit
		if _, err := bidOf(pod); (err == nil) != good {
			t.Errorf("%q: %v", limit, err)
		}
	}
}

func TestSpotIsComparedAfterAnHourAndEveryFiveMinutes(t *testing.T) {
	for passed, want := range map[time.Duration]time.Duration{
		0: time.Hour, 59 * time.Minute: time.Hour, time.Hour: 65 * time.Minute, 66 * time.Minute: 70 * time.Minute,
	} {
		if got := realSpotClock.nextCheck(noon, noon.Add(passed)).Sub(noon); got != want {
			t.Errorf("%v: %v, not %v", passed, got, want)
		}
	}
}

func TestImageCaches(t *testing.T) {
	caches := []Cache{{"one", []string{"shop"}}, {"two", []string{"docker.io/library/shop:latest", "log:1"}}}
	pod := podOf(container("a", ""), corev1.Container{Name: "b", Image: "log:1"})
	if _, found, _ := cacheFor(pod, caches); found {
		t.Error("nobody asked for a cache")
	}
	pod.Annotations[imageCacheMatch] = "true"
	if got, found, _ := cacheFor(pod, caches); !found || got.ID != "two" {
		t.Errorf("%v", got)
	}
	pod.Annotations[imageSnapshot] = "one"
	if got, _, _ := cacheFor(pod, caches); got.ID != "one" || !got.has("shop:latest") || got.has("log:1") {
		t.Errorf("%v", got)
	}
	if !helped(pod, caches) || helped(podOf(corev1.Container{Name: "b", Image: "log:1"}), caches) {
		t.Error("only what was asked for helps")
	}
	pod.Annotations[imageSnapshot] = "one"
	pod.Spec.Containers = []corev1.Container{{Name: "b", Image: "log:1"}}
	if helped(pod, caches) {
		t.Error("a cache without the Pod's image has helped")
	}
	pod.Annotations[imageSnapshot] = "three"
	if _, _, err := cacheFor(pod, caches); err == nil {
		t.Error("an unknown cache was taken")
	}
}

func TestFullNames(t *testing.T) {
	for image, want := range map[string]string{
		"shop": "docker.io/library/shop:latest", "acplab/shop:1": "docker.io/acplab/shop:1", "localhost/shop": "localhost/shop:latest",
		"registry:5000/a/shop": "registry:5000/a/shop:latest", "docker.io/acplab/shop:1": "docker.io/acplab/shop:1",
	} {
		if got := fullName(image); got != want {
			t.Errorf("%s: %s", image, got)
		}
	}
}

func TestBilledSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]int64{0: 1, 900 * time.Millisecond: 1, time.Second: 1, 90 * time.Second: 90, 90*time.Second + 999*time.Millisecond: 90} {
		if got := billedSeconds(noon, noon.Add(wait)); got != want {
			t.Errorf("%v: %d", wait, got)
		}
	}
}

func TestAccountSaysWhatIsLeft(t *testing.T) {
	account, err := accountOf(&corev1.ConfigMap{Data: map[string]string{"quota-vcpu": "2.5", "sold-out": "2-4Gi, ecs.c6.xlarge"}})
	if err != nil || account.Quota != 2.5 || account.inStock(defaultSize) || account.inStock(types["ecs.c6.xlarge"]) || !account.inStock(Size{VCPU: 4, GiB: 8}) {
		t.Errorf("%+v %v", account, err)
	}
	if account, err := accountOf(nil); err != nil || account.Quota != 0 || !account.inStock(defaultSize) {
		t.Errorf("no ConfigMap: %+v %v", account, err)
	}
	for _, bad := range []map[string]string{{"quota-vcpu": "many"}, {"quota-vcpu": "-1"}, {"sold-out": "big"}} {
		var refused Refused
		if _, err := accountOf(&corev1.ConfigMap{Data: bad}); !errors.As(err, &refused) || refused.Code != "InvalidAccount" {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestEphemeralStorage(t *testing.T) {
	pod := podOf()
	for extra, want := range map[string]float64{"": 30, "50Gi": 80, "512Mi": 30.5} {
		pod.Annotations[extraStorage] = extra
		if got, err := storageOf(pod); err != nil || got != want {
			t.Errorf("%q: %v %v", extra, got, err)
		}
	}
	for _, extra := range []string{"much", "-1Gi", "0"} {
		pod.Annotations[extraStorage] = extra
		if _, err := storageOf(pod); err == nil {
			t.Errorf("%q was taken", extra)
		}
	}
}

// --- ResourcePolicy -----------------------------------------------------------------------------------------------

func workerNode(name, cpu string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"zone": name}},
		Spec:       corev1.NodeSpec{PodCIDR: "172.20.1.0/24"},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("10")},
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: "True"}},
			Addresses:   []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.18.0.3"}},
		},
	}
}

func shopPod(name, unit, node string) *corev1.Pod {
	pod := podOf(container("a", "-1 64Mi"))
	pod.Name, pod.Labels, pod.Spec.NodeName = name, map[string]string{"app": "shop"}, node
	if unit != "" {
		pod.Annotations[policyUnit] = unit
	}
	return pod
}

func TestPolicyGoesToTheFirstUnitWithRoom(t *testing.T) {
	two := 2
	policy := Policy{}
	policy.Spec.Selector = map[string]string{"app": "shop"}
	policy.Spec.Units = []Unit{{Resource: "ecs", Max: &two}, {Resource: "eci"}}
	nodes := []*corev1.Node{workerNode("n", "4")}
	fresh := shopPod("fresh", "", "")
	placed := []*corev1.Pod{shopPod("p1", "unit-0", "n"), shopPod("p2", "unit-0", "n")}
	for _, one := range []struct {
		pods  []*corev1.Pod
		nodes []*corev1.Node
		want  int
	}{
		{nil, nodes, 0}, {placed[:1], nodes, 0}, {placed, nodes, 1}, {nil, []*corev1.Node{workerNode("n", "500m")}, 1}, {nil, nil, 1},
		{[]*corev1.Pod{shopPod("w", "unit-0", "")}, []*corev1.Node{workerNode("n", "1")}, 1},
	} {
		if got := policy.choose(fresh, one.nodes, one.pods); got != one.want {
			t.Errorf("%d Pods: unit %d, not %d", len(one.pods), got, one.want)
		}
	}
	policy.Spec.Units = policy.Spec.Units[:1]
	if got := policy.choose(fresh, nodes, placed); got != -1 {
		t.Errorf("no room, and unit %d", got)
	}
}

func TestPlacedPodsShrinkInReverse(t *testing.T) {
	policy := Policy{}
	policy.Spec.Units = []Unit{{Resource: "ecs", NodeSelector: map[string]string{"zone": "n"}}, {Resource: "eci"}}
	pod := shopPod("fresh", "", "")
	pod.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: policyGate}}
	on, off := placedIn(pod, policy, 0), placedIn(pod, policy, 1)
	if on.Spec.NodeSelector["zone"] != "n" || len(on.Spec.SchedulingGates) != 0 || on.Annotations[deletionCost] != "0" {
		t.Errorf("%+v", on)
	}
	if off.Spec.NodeSelector["type"] != "virtual-kubelet" || off.Spec.Tolerations[0].Key != providerTaint || off.Annotations[deletionCost] != "-100" {
		t.Errorf("%+v", off)
	}
}

func TestRoutes(t *testing.T) {
	virtual := workerNode("v", "1")
	virtual.Labels["type"] = "virtual-kubelet"
	got := routesOf([]*corev1.Node{virtual, workerNode("n", "1")}, "172.21.0.0/20")
	if got != "172.20.1.0/24 via 172.18.0.3,172.21.0.0/20 via 172.18.0.3" {
		t.Error(got)
	}
}
