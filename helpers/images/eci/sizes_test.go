package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// container with limits: "1 2Gi", or requests: "-1 2Gi"; "" for neither.
func container(name, needs string) corev1.Container {
	one := corev1.Container{Name: name, Image: "shop"}
	if needs == "" {
		return one
	}
	cpu, memory, _ := strings.Cut(strings.TrimPrefix(needs, "-"), " ")
	list := corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory)}
	if strings.HasPrefix(needs, "-") {
		one.Resources.Requests = list
	} else {
		one.Resources.Limits = list
	}
	return one
}

func podOf(containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "0123456789-uid", Annotations: map[string]string{}},
		Spec:       corev1.PodSpec{Containers: containers, RestartPolicy: corev1.RestartPolicyAlways},
	}
}

func everything(Size) bool { return true }

func TestSizeOfAPod(t *testing.T) {
	sidecar := container("log", "1 1Gi")
	always := corev1.ContainerRestartPolicyAlways
	sidecar.RestartPolicy = &always
	for name, one := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"nothing said":           {podOf(container("a", ""), container("b", "")), "2-4Gi"},
		"rounded up":             {podOf(container("a", "2 3Gi")), "2-4Gi"},
		"containers are summed":  {podOf(container("a", "1 2Gi"), container("b", "1 1Gi")), "2-4Gi"},
		"requests without limit": {podOf(container("a", "-500m 1Gi")), "0.5-1Gi"},
		"smallest":               {podOf(container("a", "100m 64Mi")), "0.25-0.5Gi"},
		"between two cores":      {podOf(container("a", "3 3Gi")), "4-4Gi"},
		"memory alone decides":   {podOf(container("a", "100m 20Gi")), "4-32Gi"},
	} {
		if got, err := sizeOf(one.pod, everything); err != nil || got.String() != one.want {
			t.Errorf("%s: %v %v, not %s", name, got, err, one.want)
		}
	}
	withInit := podOf(container("a", "1 2Gi"))
	withInit.Spec.InitContainers = []corev1.Container{container("init", "4 1Gi"), sidecar}
	if got, _ := sizeOf(withInit, everything); got.String() != "4-4Gi" {
		t.Errorf("init containers: %v", got)
	}
}

func TestEverySpecIsRoundedToItself(t *testing.T) {
	for cores, memories := range specs {
		for _, memory := range memories {
			if got, err := roundUp(cores, memory); err != nil || got.VCPU != cores || got.GiB != memory || !listed(got) {
				t.Errorf("%v-%v: %v %v", cores, memory, got, err)
			}
		}
	}
	if _, err := roundUp(65, 1); err == nil {
		t.Error("65 vCPU were taken")
	}
}

func TestUseSpecsAreTriedInOrder(t *testing.T) {
	pod := podOf(container("a", "8 16Gi"))
	pod.Annotations[useSpecs] = "2-4Gi,4-8Gi, ecs.c6.xlarge"
	if got, _ := sizeOf(pod, everything); got.String() != "2-4Gi" {
		t.Errorf("use-specs before limits: %v", got)
	}
	onlyECS := func(size Size) bool { return size.Type != "" }
	if got, _ := sizeOf(pod, onlyECS); got.String() != "ecs.c6.xlarge" || got.VCPU != 4 {
		t.Errorf("out of stock: %v", got)
	}
	if _, err := sizeOf(pod, func(Size) bool { return false }); err == nil {
		t.Error("nothing in stock, and no refusal")
	}
	pod.Annotations[useSpecs] = "big"
	if _, err := sizeOf(pod, everything); err == nil {
		t.Error("nonsense was taken")
	}
}

func TestASizeThatIsSoldOutIsRefusedWhereverItComesFrom(t *testing.T) {
	noDefault := func(size Size) bool { return size != defaultSize }
	for name, one := range map[string]*corev1.Pod{"default": podOf(container("a", "")), "rounded": podOf(container("a", "2 3Gi"))} {
		var refused Refused
		if _, err := sizeOf(one, noDefault); !errors.As(err, &refused) || refused.Code != "NoStock" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	yes := true
	change := map[string]func(*corev1.Pod){
		"Unsupported.DaemonSet": func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Controller: &yes}}
		},
		"Unsupported.HostNetwork": func(p *corev1.Pod) { p.Spec.HostNetwork = true },
		"Unsupported.HostPID":     func(p *corev1.Pod) { p.Spec.HostPID = true },
		"Unsupported.HostPath": func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}}}
		},
		"Unsupported.Volume":     func(p *corev1.Pod) { p.Spec.Volumes = []corev1.Volume{{Name: "v"}} },
		"Unsupported.Privileged": func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes} },
		"QuotaExceeded.Container": func(p *corev1.Pod) {
			p.Spec.Containers = make([]corev1.Container, maxContainers+1)
		},
		"QuotaExceeded.Volume": func(p *corev1.Pod) { p.Spec.Volumes = make([]corev1.Volume, maxVolumes+1) },
	}
	for code, spoil := range change {
		pod := podOf(container("a", ""))
		if err := refuse(pod); err != nil {
			t.Fatalf("a plain Pod: %v", err)
		}
		spoil(pod)
		var refused Refused
		if err := refuse(pod); !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestQuotaCountsWhatRuns(t *testing.T) {
	if err := overQuota(Size{VCPU: 2}, []Size{{VCPU: 4}, {VCPU: 2}}, 8); err != nil {
		t.Error(err)
	}
	if overQuota(Size{VCPU: 2.25}, []Size{{VCPU: 4}, {VCPU: 2}}, 8) == nil {
		t.Error("8.25 of 8 vCPU were allowed")
	}
}

func TestBackOffIsTheKubelets(t *testing.T) {
	want := []time.Duration{0, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 5 * time.Minute, 5 * time.Minute}
	for crashes, wait := range want {
		if got := backOff(crashes); got != wait {
			t.Errorf("%d: %v, not %v", crashes, got, wait)
		}
	}
	if crashesAfter(5, time.Minute) != 6 || crashesAfter(5, 11*time.Minute) != 0 {
		t.Error("a long run does not end the row of crashes")
	}
}

func TestRestartPolicies(t *testing.T) {
	for _, one := range []struct {
		policy corev1.RestartPolicy
		code   int
		want   bool
	}{{"Always", 0, true}, {"Always", 1, true}, {"OnFailure", 0, false}, {"OnFailure", 1, true}, {"Never", 1, false}} {
		if got := startsAgain(one.policy, one.code); got != one.want {
			t.Errorf("%v: %v", one, got)
		}
	}
}

func fromField(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

func fromResource(name, what, divisor string) corev1.EnvVar {
	selector := &corev1.ResourceFieldSelector{Resource: what}
	if divisor != "" {
		selector.Divisor = resource.MustParse(divisor)
	}
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: selector}}
}

func TestLateEnvironment(t *testing.T) {
	one := container("a", "1500m 64Mi")
	one.Env = []corev1.EnvVar{
		fromField("IP", "status.podIP"), fromField("HOST", "status.hostIP"), fromField("NAME", "metadata.name"),
		fromResource("CPU", "limits.cpu", ""), fromResource("MILLI", "limits.cpu", "1m"),
		fromResource("MI", "limits.memory", "1Mi"), fromResource("REQUEST", "requests.cpu", ""),
		{Name: "PLAIN", Value: "x"},
	}
	place := Placing{PodIP: "172.18.0.9", HostIP: "172.18.0.2", Size: defaultSize}
	got := lateEnvironment(one, []corev1.Container{one}, place)
	want := map[string]string{"IP": "172.18.0.9", "HOST": "172.18.0.2", "CPU": "2", "MILLI": "1500", "MI": "64", "REQUEST": "0"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	one.Resources = corev1.ResourceRequirements{}
	if got := lateEnvironment(one, nil, place); got["MI"] != "4096" || got["CPU"] != "2" {
		t.Errorf("without a limit it is the instance's: %v", got)
	}
}

func TestExpansion(t *testing.T) {
	got := expand([]string{"$(A)-$(B)", "$$(A)", "$(C)", "$A", "$(A", "$"}, []string{"A=1", "B=x=y"})
	if !reflect.DeepEqual(got, []string{"1-x=y", "$(A)", "$(C)", "$A", "$(A", "$"}) {
		t.Errorf("%q", got)
	}
}

func TestEnvironment(t *testing.T) {
	pod := podOf(container("a", ""))
	one := pod.Spec.Containers[0]
	yes := true
	one.EnvFrom = []corev1.EnvFromSource{{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "conf"}}}}
	key := func(name, key string, optional *bool) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key, Optional: optional}}
	}
	one.Env = []corev1.EnvVar{
		{Name: "P_b", Value: "own"}, {Name: "BOTH", Value: "$(P_a)-$(P_b)"}, fromField("IP", "status.podIP"), fromField("NAME", "metadata.name"),
		{Name: "WORD", ValueFrom: key("pass", "word", nil)}, {Name: "NONE", ValueFrom: key("pass", "none", &yes)},
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "my-db"}, Spec: corev1.ServiceSpec{ClusterIP: "172.21.0.5", Ports: []corev1.ServicePort{{Port: 80}}}}
	around := Surroundings{stock, Placing{PodIP: "172.18.0.9"}, []*corev1.Service{service}}
	got, err := resolve(pod, one, around)
	text := " " + strings.Join(got, " ") + " "
	for _, want := range []string{"P_a=1", "P_b=own", "BOTH=1-own", "IP=172.18.0.9", "NAME=web", "WORD=x", "MY_DB_SERVICE_HOST=172.21.0.5", "MY_DB_PORT=tcp://172.21.0.5:80"} {
		if !strings.Contains(text, " "+want+" ") {
			t.Errorf("%s is not in%s", want, text)
		}
	}
	if err != nil || strings.Contains(text, "NONE") {
		t.Errorf("%v %s", err, text)
	}
	one.Env = []corev1.EnvVar{{Name: "NONE", ValueFrom: key("pass", "none", nil)}}
	if _, err := resolve(pod, one, around); err == nil {
		t.Error("a key that is not there was taken")
	}
}
