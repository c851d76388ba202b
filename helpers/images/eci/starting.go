package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"acplab.local/eci/docker"
	corev1 "k8s.io/api/core/v1"
)

// The part of a keeper that brings things up: sandbox, files, images, containers.

// makeSandbox makes the instance, or starts it again after Docker was restarted. After a failure it waits a moment. What was
// begun is brought to its end although the Pod is to go: Docker would go on with it, and nobody would know its result.
func (k *Keeper) makeSandbox(view View) {
	err := k.tryMakeSandbox(context.WithoutCancel(k.work), view)
	if err != nil && k.work.Err() == nil {
		k.p.event(k.pod(), corev1.EventTypeWarning, reasonOf(err), "%v", err)
		sleep(k.work, 2*time.Second)
	}
}

func reasonOf(err error) string {
	var mount mountError
	if errors.As(err, &mount) {
		return "FailedMount"
	}
	return "FailedCreatePodSandBox"
}

type mountError struct{ error }

func (k *Keeper) tryMakeSandbox(ctx context.Context, view View) error {
	pod, s := k.pod(), k.p.settings
	for _, volume := range pod.Spec.Volumes {
		if err := k.p.docker.CreateVolume(ctx, dockerVolume(s, pod, volume)); err != nil {
			return mountError{err}
		}
	}
	id, routes := "", ""
	if view.Sandbox != nil {
		id = view.Sandbox.ID
		k.killOrphans(ctx, view)
	} else {
		routes = k.p.routes()
		form, err := sandboxForm(s, pod, k.size, routes)
		if err != nil {
			return err
		}
		if id, err = k.p.docker.Create(ctx, containerName(pod, "sandbox", 0), form); err != nil {
			return err
		}
	}
	clear(k.written) // a volume in memory has lost its files
	if err := k.writeFiles(ctx, id, true); err != nil {
		return mountError{err}
	}
	k.routes = routes
	return k.p.docker.Start(ctx, id)
}

// killOrphans: containers in the network of a sandbox that ended have no network any more.
func (k *Keeper) killOrphans(ctx context.Context, view View) {
	for name := range view.attempts {
		if current := view.current(name); current.State.Running() {
			_ = k.p.docker.Stop(ctx, current.ID, 0)
		}
	}
}

// openBill notes the begin of an instance. The ledger keeps the first note, so a new process may write it again.
func (k *Keeper) openBill(ctx context.Context, sandbox docker.Container) error {
	if k.billed {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := k.p.ledger.Open(ctx, k.record(sandbox))
	k.billed = err == nil
	return err
}

// --- files ------------------------------------------------------------------------------------------------------------

// writeFiles writes the volumes whose content has changed; whole prepares the folders of emptyDirs too.
func (k *Keeper) writeFiles(ctx context.Context, sandboxID string, whole bool) error {
	pod := k.pod()
	tar := newArchive(pod, time.Now())
	fresh := map[string]string{}
	for _, volume := range pod.Spec.Volumes {
		if volume.EmptyDir != nil {
			if whole {
				tar.empty(volume.Name)
			}
			continue
		}
		files, err := filesOf(pod, volume, Placing{Size: k.size}, k)
		if err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", volume.Name, err)
		}
		if stamp := digest(files); k.written[volume.Name] != stamp {
			tar.files(volume.Name, files)
			fresh[volume.Name] = stamp
		}
	}
	k.subPaths(tar, whole)
	if len(fresh) == 0 && !whole {
		return nil
	}
	if err := k.p.docker.Put(ctx, sandboxID, volumesFolder, tar.reader()); err != nil {
		return err
	}
	for name, stamp := range fresh {
		k.written[name] = stamp
	}
	return nil
}

// subPaths makes the folders below an emptyDir that containers mount alone.
func (k *Keeper) subPaths(tar *archive, whole bool) {
	if !whole {
		return
	}
	empty := map[string]bool{}
	for _, volume := range k.pod().Spec.Volumes {
		empty[volume.Name] = volume.EmptyDir != nil
	}
	for _, one := range containersOf(k.pod()) {
		for _, mount := range one.VolumeMounts {
			if mount.SubPath != "" && empty[mount.Name] {
				tar.folder(mount.Name+"/"+strings.Trim(mount.SubPath, "/"), 0o777)
			}
		}
	}
}

// refreshFiles follows ConfigMaps and Secrets that changed, and tokens that grow old.
func (k *Keeper) refreshFiles(ctx context.Context) {
	k.lock.Lock()
	sandbox := k.view.Sandbox
	k.lock.Unlock()
	if sandbox == nil || !sandbox.State.Running() {
		return
	}
	if err := k.writeFiles(ctx, sandbox.ID, false); err != nil {
		k.p.event(k.pod(), corev1.EventTypeWarning, "FailedMount", "%v", err)
	}
}

type token struct {
	text  string
	renew time.Time
}

// ConfigMap, Secret and Token make a keeper the Sources of its Pod's files.
func (k *Keeper) ConfigMap(namespace, name string) (*corev1.ConfigMap, error) {
	return k.p.configMaps.ConfigMaps(namespace).Get(name)
}

// Secret is of the lister's cache, as ConfigMap is.
func (k *Keeper) Secret(namespace, name string) (*corev1.Secret, error) {
	return k.p.secrets.Secrets(namespace).Get(name)
}

// Token is asked for once, and again when four fifths of its time are over.
func (k *Keeper) Token(pod *corev1.Pod, wanted corev1.ServiceAccountTokenProjection) (string, error) {
	key := wanted.Audience + "/" + wanted.Path
	if old, ok := k.tokens[key]; ok && time.Now().Before(old.renew) {
		return old.text, nil
	}
	text, lasts, err := k.p.requestToken(k.work, pod, wanted)
	if err != nil {
		return "", err
	}
	k.tokens[key] = token{text, time.Now().Add(lasts * 4 / 5)}
	return text, nil
}

// --- containers -------------------------------------------------------------------------------------------------------

// startContainer starts the next attempt. What goes wrong is noted as the reason why the container waits.
func (k *Keeper) startContainer(view View, one corev1.Container) bool {
	ctx := k.work
	err := k.tryStart(ctx, view, one)
	if ctx.Err() != nil {
		return true
	}
	if err == nil {
		k.change(func(known *Known) { delete(known.Waiting, one.Name) })
		return true
	}
	var why waitReason
	if !errors.As(err, &why) {
		why = waitReason{"RunContainerError", err.Error()}
	}
	k.p.event(k.pod(), corev1.EventTypeWarning, "Failed", "Error: %s: %s", why.reason, why.message)
	k.change(func(known *Known) { known.Waiting[one.Name] = nextWaiting(known.Waiting[one.Name], why, time.Now()) })
	return true
}

type waitReason struct{ reason, message string }

func (w waitReason) Error() string { return w.reason + ": " + w.message }

// nextWaiting waits longer each time; a pull that failed twice is called a back-off.
func nextWaiting(before Waiting, why waitReason, now time.Time) Waiting {
	tries := before.Tries + 1
	reason := why.reason
	if reason == "ErrImagePull" && tries > 1 {
		reason = "ImagePullBackOff"
	}
	return Waiting{Reason: reason, Message: why.message, Until: now.Add(backOff(tries)), Tries: tries}
}

func (k *Keeper) tryStart(ctx context.Context, view View, one corev1.Container) error {
	for _, attempts := range view.attempts { // a former process has pulled these
		k.pulled[attempts[0].ImageID] = true
	}
	image, err := k.pull(ctx, one)
	if err != nil {
		return err
	}
	if err := checkUser(k.pod(), one, image); err != nil {
		return err
	}
	id, err := k.create(ctx, view, one)
	if err != nil {
		return err
	}
	if err := k.p.docker.Start(ctx, id); err != nil {
		return waitReason{"RunContainerError", err.Error()}
	}
	k.p.event(k.pod(), corev1.EventTypeNormal, "Started", "Container started")
	return k.postStart(ctx, one, id)
}

func checkUser(pod *corev1.Pod, one corev1.Container, image docker.Image) error {
	if !wantsNonRoot(pod, one) {
		return nil
	}
	effective := user(pod, one)
	if effective == "" {
		effective = image.Config.User
	}
	uid, _, _ := strings.Cut(effective, ":")
	if uid == "" || uid == "0" || uid == "root" {
		return waitReason{"CreateContainerConfigError", "container has runAsNonRoot and image will run as root"}
	}
	return nil
}

// create makes the next attempt, or takes one that a former process has made and not started.
func (k *Keeper) create(ctx context.Context, view View, one corev1.Container) (string, error) {
	start := Start{SandboxID: view.Sandbox.ID, Place: Placing{view.address(k.p.settings.Network), k.p.settings.Address, k.size}}
	if current := view.current(one.Name); current != nil {
		if current.State.Status == "created" {
			return current.ID, nil
		}
		start.Attempt = current.Number + 1
		start.Crashes = crashesAfter(current.Crashes, current.ran())
	}
	pod := k.pod()
	var err error
	if start.Lines, err = resolve(pod, one, Surroundings{k, start.Place, k.p.services(pod.Namespace)}); err != nil {
		return "", waitReason{"CreateContainerConfigError", err.Error()}
	}
	start.Mountpoint = k.mountpoints(ctx)
	form := containerForm(k.p.settings, pod, one, start)
	// Brought to its end, as the sandbox is.
	id, err := k.p.docker.Create(context.WithoutCancel(ctx), containerName(pod, one.Name, start.Attempt), form)
	if err != nil {
		return "", waitReason{"CreateContainerError", err.Error()}
	}
	k.p.event(pod, corev1.EventTypeNormal, "Created", "Container created")
	return id, nil
}

// mountpoints asks Docker only if there is a subPath.
func (k *Keeper) mountpoints(ctx context.Context) func(string) string {
	var found map[string]string
	return func(volume string) string {
		if found == nil {
			found = map[string]string{}
			volumes, _ := k.p.docker.Volumes(ctx, podLabels(k.p.settings, string(k.pod().UID)))
			for _, one := range volumes {
				found[one.Name] = one.Mountpoint
			}
		}
		return found[volumeName(k.pod(), volume)]
	}
}

func (k *Keeper) postStart(ctx context.Context, one corev1.Container, id string) error {
	if one.Lifecycle == nil || one.Lifecycle.PostStart == nil {
		return nil
	}
	view, err := k.look(ctx)
	if err != nil {
		return err
	}
	until := time.Now().Add(graceOf(k.pod()))
	if current := view.current(one.Name); current != nil && !k.hook(ctx, view, one, *current, *one.Lifecycle.PostStart, until) {
		_ = k.p.docker.Stop(ctx, id, graceOf(k.pod())) // as the kubelet does; then the restart policy decides
	}
	return nil
}

// pull is simulated: Docker has the image already, and the time that ECI would take passes. Each instance begins without
// any image, so that it passes once an instance, unless an image cache has it.
func (k *Keeper) pull(ctx context.Context, one corev1.Container) (docker.Image, error) {
	image, err := k.p.docker.Image(ctx, one.Image)
	if errors.Is(err, docker.ErrGone) {
		if one.ImagePullPolicy == corev1.PullNever {
			return image, waitReason{"ErrImageNeverPull", "Container image " + one.Image + " is not present with pull policy of Never"}
		}
		k.p.event(k.pod(), corev1.EventTypeNormal, "Pulling", "Pulling image %q", one.Image)
		return image, waitReason{"ErrImagePull", "image " + one.Image + " is not on this machine, and ECI's stand-in asks no registry"}
	}
	if err != nil || k.pulled[image.ID] {
		return image, err
	}
	if cache, hit := k.p.cached(k.pod(), one.Image); hit {
		k.p.event(k.pod(), corev1.EventTypeNormal, "ImageCacheHit", "Image %q is in image cache %s", one.Image, cache.ID)
	} else if !k.simulatePull(ctx, one, image) {
		return image, ctx.Err()
	}
	k.pulled[image.ID] = true
	return image, nil
}

func (k *Keeper) simulatePull(ctx context.Context, one corev1.Container, image docker.Image) bool {
	wait := k.p.settings.pullTime(image.Bytes)
	k.p.event(k.pod(), corev1.EventTypeNormal, "Pulling", "Pulling image %q", one.Image)
	if !sleep(ctx, wait) {
		return false
	}
	k.p.event(k.pod(), corev1.EventTypeNormal, "Pulled", "Successfully pulled image %q in %s. Image size: %d bytes.", one.Image, wait.Round(time.Millisecond), image.Bytes)
	return true
}
