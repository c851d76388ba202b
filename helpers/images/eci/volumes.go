package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"time"

	"acplab.local/eci/docker"
	corev1 "k8s.io/api/core/v1"
)

// File of a volume, with its path below the volume's folder.
type File struct {
	Path string
	Data []byte
	Mode int64
}

// Sources is where the contents of volumes come from.
type Sources interface {
	ConfigMap(namespace, name string) (*corev1.ConfigMap, error)
	Secret(namespace, name string) (*corev1.Secret, error)
	Token(pod *corev1.Pod, projection corev1.ServiceAccountTokenProjection) (string, error)
}

// dockerVolume is the volume that stands for one of the Pod's. An emptyDir in memory is a tmpfs.
func dockerVolume(s Settings, pod *corev1.Pod, volume corev1.Volume) docker.Volume {
	labels := ownLabels(s, "volume", pod)
	made := docker.Volume{Name: volumeName(pod, volume.Name), Driver: "local", Labels: labels}
	if empty := volume.EmptyDir; empty != nil && empty.Medium == corev1.StorageMediumMemory {
		options := "mode=0777"
		if empty.SizeLimit != nil {
			options += fmt.Sprintf(",size=%d", empty.SizeLimit.Value())
		}
		made.DriverOpts = map[string]string{"type": "tmpfs", "device": "tmpfs", "o": options}
	}
	return made
}

// filesOf gives what a volume holds at the beginning; an emptyDir holds nothing.
func filesOf(pod *corev1.Pod, volume corev1.Volume, place Placing, from Sources) ([]File, error) {
	switch {
	case volume.ConfigMap != nil:
		one := volume.ConfigMap
		return configMapFiles(pod, one.Name, one.Items, optional(one.Optional), mode(one.DefaultMode), from)
	case volume.Secret != nil:
		one := volume.Secret
		return secretFiles(pod, one.SecretName, one.Items, optional(one.Optional), mode(one.DefaultMode), from)
	case volume.DownwardAPI != nil:
		return downwardFiles(pod, volume.DownwardAPI.Items, mode(volume.DownwardAPI.DefaultMode), place)
	case volume.Projected != nil:
		return projectedFiles(pod, *volume.Projected, place, from)
	}
	return nil, nil
}

func optional(value *bool) bool { return value != nil && *value }

func mode(value *int32) int64 {
	if value == nil {
		return 0o644
	}
	return int64(*value)
}

func configMapFiles(pod *corev1.Pod, name string, items []corev1.KeyToPath, optional bool, mode int64, from Sources) ([]File, error) {
	found, err := from.ConfigMap(pod.Namespace, name)
	if err != nil {
		return nil, unless(optional, fmt.Errorf("configmap %q: %w", name, err))
	}
	data := map[string][]byte{}
	for key, text := range found.Data {
		data[key] = []byte(text)
	}
	for key, text := range found.BinaryData {
		data[key] = text
	}
	return chosen(data, items, optional, mode)
}

func secretFiles(pod *corev1.Pod, name string, items []corev1.KeyToPath, optional bool, mode int64, from Sources) ([]File, error) {
	found, err := from.Secret(pod.Namespace, name)
	if err != nil {
		return nil, unless(optional, fmt.Errorf("secret %q: %w", name, err))
	}
	return chosen(found.Data, items, optional, mode)
}

func unless(optional bool, err error) error {
	if optional {
		return nil
	}
	return err
}

// chosen gives all keys, or those of items under the paths that they name.
func chosen(data map[string][]byte, items []corev1.KeyToPath, optional bool, mode int64) ([]File, error) {
	var files []File
	if len(items) == 0 {
		for key, text := range data {
			files = append(files, File{key, text, mode})
		}
		return sorted(files), nil
	}
	for _, item := range items {
		text, ok := data[item.Key]
		if !ok {
			if optional {
				continue
			}
			return nil, fmt.Errorf("references non-existent config key: %s", item.Key)
		}
		file := File{item.Path, text, mode}
		if item.Mode != nil {
			file.Mode = int64(*item.Mode)
		}
		files = append(files, file)
	}
	return sorted(files), nil
}

func sorted(files []File) []File {
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files
}

func downwardFiles(pod *corev1.Pod, items []corev1.DownwardAPIVolumeFile, mode int64, place Placing) ([]File, error) {
	var files []File
	for _, item := range items {
		text, err := downwardText(pod, item, place)
		if err != nil {
			return nil, err
		}
		file := File{item.Path, []byte(text), mode}
		if item.Mode != nil {
			file.Mode = int64(*item.Mode)
		}
		files = append(files, file)
	}
	return sorted(files), nil
}

func downwardText(pod *corev1.Pod, item corev1.DownwardAPIVolumeFile, place Placing) (string, error) {
	if item.ResourceFieldRef != nil {
		all := containersOf(pod)
		text, ok := resourceField(item.ResourceFieldRef, corev1.Container{}, all, place.Size)
		if !ok {
			return "", fmt.Errorf("no container %q", item.ResourceFieldRef.ContainerName)
		}
		return text, nil
	}
	if item.FieldRef == nil {
		return "", fmt.Errorf("%s: neither a field nor a resource", item.Path)
	}
	return podField(pod, item.FieldRef.FieldPath)
}

// podField is a field of the Pod's metadata; labels and annotations come one a line.
func podField(pod *corev1.Pod, field string) (string, error) {
	if name, key, ok := subscript(field); ok {
		switch name {
		case "metadata.labels":
			return pod.Labels[key], nil
		case "metadata.annotations":
			return pod.Annotations[key], nil
		}
	}
	switch field {
	case "metadata.name":
		return pod.Name, nil
	case "metadata.namespace":
		return pod.Namespace, nil
	case "metadata.uid":
		return string(pod.UID), nil
	case "metadata.labels":
		return lines(pod.Labels), nil
	case "metadata.annotations":
		return lines(pod.Annotations), nil
	}
	return "", fmt.Errorf("unsupported fieldPath: %s", field)
}

// subscript takes metadata.labels['app'] apart.
func subscript(field string) (name, key string, ok bool) {
	name, rest, found := strings.Cut(field, "['")
	key, closed := strings.CutSuffix(rest, "']")
	return name, key, found && closed
}

func lines(values map[string]string) string {
	var all []string
	for key, value := range values {
		all = append(all, fmt.Sprintf("%s=%q", key, value))
	}
	sort.Strings(all)
	return strings.Join(all, "\n")
}

func projectedFiles(pod *corev1.Pod, projected corev1.ProjectedVolumeSource, place Placing, from Sources) ([]File, error) {
	var all []File
	usual := mode(projected.DefaultMode)
	for _, source := range projected.Sources {
		files, err := projectionFiles(pod, source, usual, place, from)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return sorted(all), nil
}

func projectionFiles(pod *corev1.Pod, one corev1.VolumeProjection, mode int64, place Placing, from Sources) ([]File, error) {
	switch {
	case one.ConfigMap != nil:
		return configMapFiles(pod, one.ConfigMap.Name, one.ConfigMap.Items, optional(one.ConfigMap.Optional), mode, from)
	case one.Secret != nil:
		return secretFiles(pod, one.Secret.Name, one.Secret.Items, optional(one.Secret.Optional), mode, from)
	case one.DownwardAPI != nil:
		return downwardFiles(pod, one.DownwardAPI.Items, mode, place)
	case one.ServiceAccountToken != nil:
		token, err := from.Token(pod, *one.ServiceAccountToken)
		return []File{{one.ServiceAccountToken.Path, []byte(token), mode}}, err
	}
	return nil, fmt.Errorf("a projected volume of this kind is not supported")
}

// archive is a tar of a Pod's volumes, to be unpacked where the sandbox mounts them.
type archive struct {
	buffer bytes.Buffer
	writer *tar.Writer
	group  int64
	when   time.Time
}

func newArchive(pod *corev1.Pod, when time.Time) *archive {
	a := &archive{when: when}
	a.writer = tar.NewWriter(&a.buffer)
	if context := pod.Spec.SecurityContext; context != nil && context.FSGroup != nil {
		a.group = *context.FSGroup
	}
	return a
}

func (a *archive) reader() io.Reader {
	_ = a.writer.Close()
	return &a.buffer
}

func (a *archive) add(header tar.Header, data []byte) {
	header.Gid, header.ModTime, header.Size = int(a.group), a.when, int64(len(data))
	// Writing to a buffer fails only for a header that no tar can hold, and ours are short.
	_ = a.writer.WriteHeader(&header)
	_, _ = a.writer.Write(data)
}

func (a *archive) folder(name string, mode int64) {
	a.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
}

// empty is the folder of an emptyDir: everyone may write, as on a node; a group's files stay the group's.
func (a *archive) empty(volume string) {
	mode := int64(0o777)
	if a.group != 0 {
		mode |= 0o2000
	}
	a.folder(volume, mode)
}

// files writes a volume as the kubelet does: the files in a folder of their own, ..data that points at it, and one link a
// name into ..data. So an update changes them all in one moment.
func (a *archive) files(volume string, files []File) {
	stamp := ".." + digest(files)
	a.folder(volume, 0o755)
	a.folder(path.Join(volume, stamp), 0o755)
	tops := map[string]bool{}
	for _, file := range files {
		for folder := path.Dir(file.Path); folder != "."; folder = path.Dir(folder) {
			a.folder(path.Join(volume, stamp, folder), 0o755)
		}
		a.add(tar.Header{Typeflag: tar.TypeReg, Name: path.Join(volume, stamp, file.Path), Mode: file.Mode}, file.Data)
		tops[strings.SplitN(file.Path, "/", 2)[0]] = true
	}
	a.link(path.Join(volume, "..data"), stamp)
	for _, top := range sortedKeys(tops) {
		a.link(path.Join(volume, top), path.Join("..data", top))
	}
}

func (a *archive) link(name, to string) {
	a.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to, Mode: 0o777}, nil)
}

func sortedKeys(set map[string]bool) []string {
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// digest tells two contents apart, so that an unchanged volume is not written again.
func digest(files []File) string {
	sum := sha256.New()
	for _, file := range files {
		fmt.Fprintf(sum, "%s\x00%o\x00%d\x00", file.Path, file.Mode, len(file.Data))
		sum.Write(file.Data)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))[:16]
}
