package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"acplab.local/eci/docker"
	corev1 "k8s.io/api/core/v1"
)

// From a Pod to what Docker is asked for. Nothing here speaks to anybody.

func podKey(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }

// ownLabels are on everything that we make.
func ownLabels(s Settings, role string, pod *corev1.Pod) map[string]string {
	return map[string]string{
		labelOwner: s.Owner, labelCluster: s.Cluster, labelRole: role,
		labelPod: podKey(pod), labelUID: string(pod.UID),
	}
}

// containerName is unique for an attempt, so that the same one cannot be made twice.
func containerName(pod *corev1.Pod, container string, attempt int) string {
	return fmt.Sprintf("eci_%s_%s_%s_%s_%d", container, pod.Name, pod.Namespace, pod.UID, attempt)
}

func volumeName(pod *corev1.Pod, volume string) string {
	return fmt.Sprintf("eci_%s_%s", pod.UID, volume)
}

const volumesFolder = "/volumes"

var neverRestart = docker.RestartPolicy{Name: "no"}
var logConfig = docker.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10m"}}

// sandboxForm is the container that owns the address. It mounts every volume, so that those in memory keep their files
// between two containers, and so that files can be written before the first one starts.
func sandboxForm(s Settings, pod *corev1.Pod, size Size, routes string) (docker.Form, error) {
	labels := ownLabels(s, "sandbox", pod)
	form, err := json.Marshal(withoutNoise(pod))
	if err != nil {
		return docker.Form{}, err
	}
	labels[labelForm] = string(form)
	labels[labelInstance] = size.String()
	variables := []string{"ACPLAB_ROUTES=" + routes, "ACPLAB_RESOLV_CONF=" + resolvConf(s, pod), "ACPLAB_HOSTS=" + hostAliases(pod)}
	host := docker.HostConfig{
		NetworkMode: s.Network, IpcMode: "shareable", CapAdd: []string{"NET_ADMIN"},
		Sysctls: sysctls(pod), RestartPolicy: neverRestart, LogConfig: logConfig,
	}
	for _, volume := range pod.Spec.Volumes {
		mount := volumeMount(pod, volume.Name, path.Join(volumesFolder, volume.Name), false)
		host.Mounts = append(host.Mounts, mount)
	}
	return docker.Form{
		Image: s.Sandbox, Entrypoint: []string{"/sandbox"}, Env: variables, Labels: labels, Hostname: hostname(pod), HostConfig: host,
	}, nil
}

// withoutNoise drops what no one reads again.
func withoutNoise(pod *corev1.Pod) *corev1.Pod {
	small := pod.DeepCopy()
	small.ManagedFields = nil
	small.Status = corev1.PodStatus{QOSClass: pod.Status.QOSClass}
	return small
}

func hostname(pod *corev1.Pod) string {
	name := pod.Name
	if pod.Spec.Hostname != "" {
		name = pod.Spec.Hostname
	}
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "-.")
	}
	return name
}

func sysctls(pod *corev1.Pod) map[string]string {
	set := map[string]string{}
	if context := pod.Spec.SecurityContext; context != nil {
		for _, one := range context.Sysctls {
			set[one.Name] = one.Value
		}
	}
	return set
}

// resolvConf is the file that a kubelet would write; empty leaves Docker's own.
func resolvConf(s Settings, pod *corev1.Pod) string {
	var servers, searches, options []string
	if pod.Spec.DNSPolicy == corev1.DNSDefault && pod.Spec.DNSConfig == nil {
		return ""
	}
	if pod.Spec.DNSPolicy != corev1.DNSNone && pod.Spec.DNSPolicy != corev1.DNSDefault {
		servers = []string{s.ClusterDNS}
		searches = []string{pod.Namespace + ".svc." + s.Domain, "svc." + s.Domain, s.Domain}
		options = []string{"ndots:5"}
	}
	if config := pod.Spec.DNSConfig; config != nil {
		servers = append(servers, config.Nameservers...)
		searches = append(searches, config.Searches...)
		options = mergeOptions(options, config.Options)
	}
	var lines []string
	for _, server := range servers {
		lines = append(lines, "nameserver "+server)
	}
	if len(searches) > 0 {
		lines = append(lines, "search "+strings.Join(searches, " "))
	}
	if len(options) > 0 {
		lines = append(lines, "options "+strings.Join(options, " "))
	}
	return strings.Join(lines, "\n") + "\n"
}

func mergeOptions(options []string, more []corev1.PodDNSConfigOption) []string {
	for _, one := range more {
		options = slices.DeleteFunc(options, func(old string) bool { return old == one.Name || strings.HasPrefix(old, one.Name+":") })
		if one.Value != nil {
			options = append(options, one.Name+":"+*one.Value)
		} else {
			options = append(options, one.Name)
		}
	}
	return options
}

func hostAliases(pod *corev1.Pod) string {
	var lines strings.Builder
	for _, one := range pod.Spec.HostAliases {
		fmt.Fprintf(&lines, "%s\t%s\n", one.IP, strings.Join(one.Hostnames, "\t"))
	}
	return lines.String()
}

func volumeMount(pod *corev1.Pod, volume, target string, readOnly bool) docker.Mount {
	return docker.Mount{
		Type: "volume", Source: volumeName(pod, volume), Target: target, ReadOnly: readOnly,
		VolumeOptions: &docker.VolumeOptions{NoCopy: true},
	}
}

// Start is what a container needs to know beside the Pod.
type Start struct {
	SandboxID  string
	Attempt    int
	Crashes    int
	Place      Placing
	Lines      []string                   // its environment
	Mountpoint func(volume string) string // where a volume's files are on Docker's machine, for subPath
}

// containerForm is one attempt of one container.
func containerForm(s Settings, pod *corev1.Pod, one corev1.Container, start Start) docker.Form {
	labels := ownLabels(s, "container", pod)
	labels[labelContainer] = one.Name
	labels[labelAttempt] = strconv.Itoa(start.Attempt)
	labels[labelCrashes] = strconv.Itoa(start.Crashes)
	lines := start.Lines
	return docker.Form{
		Image: one.Image, Entrypoint: expand(one.Command, lines), Cmd: expand(one.Args, lines), Env: lines, Labels: labels,
		User: user(pod, one), WorkingDir: one.WorkingDir, Tty: one.TTY, OpenStdin: one.Stdin, StdinOnce: one.StdinOnce,
		Healthcheck: &docker.Healthcheck{Test: []string{"NONE"}}, HostConfig: hostConfig(s, pod, one, start),
	}
}

func hostConfig(s Settings, pod *corev1.Pod, one corev1.Container, start Start) docker.HostConfig {
	host := docker.HostConfig{
		NetworkMode: "container:" + start.SandboxID, IpcMode: "container:" + start.SandboxID,
		NanoCpus: nanoCPUs(one, start.Place.Size, s.CPUs), CpuShares: cpuShares(one), Memory: memoryLimit(one, start.Place.Size),
		RestartPolicy: neverRestart, LogConfig: logConfig, GroupAdd: groups(pod),
	}
	host.MemorySwap = host.Memory // no swap, as on a node
	if pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace {
		host.PidMode = "container:" + start.SandboxID
	}
	if context := one.SecurityContext; context != nil {
		host.ReadonlyRootfs = context.ReadOnlyRootFilesystem != nil && *context.ReadOnlyRootFilesystem
		if context.AllowPrivilegeEscalation != nil && !*context.AllowPrivilegeEscalation {
			host.SecurityOpt = []string{"no-new-privileges"}
		}
		if context.Capabilities != nil {
			host.CapAdd = capabilities(context.Capabilities.Add)
			host.CapDrop = capabilities(context.Capabilities.Drop)
		}
	}
	for _, mount := range one.VolumeMounts {
		host.Mounts = append(host.Mounts, mountOf(pod, mount, start))
	}
	return host
}

func mountOf(pod *corev1.Pod, mount corev1.VolumeMount, start Start) docker.Mount {
	sub := mount.SubPath
	if mount.SubPathExpr != "" {
		sub = expand([]string{mount.SubPathExpr}, start.Lines)[0]
	}
	if sub == "" {
		return volumeMount(pod, mount.Name, mount.MountPath, mount.ReadOnly)
	}
	source := path.Join(start.Mountpoint(mount.Name), path.Clean("/"+sub))
	return docker.Mount{Type: "bind", Source: source, Target: mount.MountPath, ReadOnly: mount.ReadOnly}
}

func capabilities(list []corev1.Capability) []string {
	var names []string
	for _, one := range list {
		names = append(names, string(one))
	}
	return names
}

func groups(pod *corev1.Pod) []string {
	var all []string
	if context := pod.Spec.SecurityContext; context != nil {
		for _, one := range context.SupplementalGroups {
			all = append(all, strconv.FormatInt(one, 10))
		}
		if context.FSGroup != nil {
			all = append(all, strconv.FormatInt(*context.FSGroup, 10))
		}
	}
	return all
}

// user is "uid:gid", the container's word before the Pod's; empty leaves the image's.
func user(pod *corev1.Pod, one corev1.Container) string {
	var uid, gid *int64
	if context := pod.Spec.SecurityContext; context != nil {
		uid, gid = context.RunAsUser, context.RunAsGroup
	}
	if context := one.SecurityContext; context != nil {
		uid, gid = first(context.RunAsUser, uid), first(context.RunAsGroup, gid)
	}
	switch {
	case uid == nil:
		return ""
	case gid == nil:
		return strconv.FormatInt(*uid, 10)
	}
	return fmt.Sprintf("%d:%d", *uid, *gid)
}

func first[T any](one, other *T) *T {
	if one != nil {
		return one
	}
	return other
}

// wantsNonRoot says whether a container must not run as user 0.
func wantsNonRoot(pod *corev1.Pod, one corev1.Container) bool {
	var wanted *bool
	if pod.Spec.SecurityContext != nil {
		wanted = pod.Spec.SecurityContext.RunAsNonRoot
	}
	if one.SecurityContext != nil {
		wanted = first(one.SecurityContext.RunAsNonRoot, wanted)
	}
	return wanted != nil && *wanted
}

// leastCPUs is the smallest limit that Docker takes.
const leastCPUs = 0.01

// nanoCPUs: a container without a limit may use the whole instance.
func nanoCPUs(one corev1.Container, size Size, machine int) int64 {
	cores := size.VCPU
	if limit, ok := one.Resources.Limits[corev1.ResourceCPU]; ok {
		cores = math.Min(cores, limit.AsApproximateFloat64())
	}
	return int64(math.Max(math.Min(cores, float64(machine)), leastCPUs) * 1e9)
}

func memoryLimit(one corev1.Container, size Size) int64 {
	most := int64(size.GiB * gib)
	if limit, ok := one.Resources.Limits[corev1.ResourceMemory]; ok {
		return min(most, limit.Value())
	}
	return most
}

// cpuShares is the kubelet's formula.
func cpuShares(one corev1.Container) int64 {
	request, ok := one.Resources.Requests[corev1.ResourceCPU]
	if !ok {
		request = one.Resources.Limits[corev1.ResourceCPU]
	}
	return max(2, request.MilliValue()*1024/1000)
}
