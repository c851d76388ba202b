package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand"
	"sync"
	"time"

	"acplab.local/eci/docker"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/log"
	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"
)

// Provider is what upstream's Pod controller asks: it keeps a Keeper for each Pod.
type Provider struct {
	settings Settings
	docker   docker.API
	ledger   Ledger
	client   kubernetes.Interface
	dynamic  dynamic.Interface
	recorder record.EventRecorder
	started  time.Time
	bury     func(context.Context, *corev1.Pod) // deletes a Pod from the API for good

	pods        listers.PodLister
	configMaps  listers.ConfigMapLister
	secrets     listers.SecretLister
	nodes       listers.NodeLister
	namespaces  listers.NamespaceLister
	allServices listers.ServiceLister

	lock    sync.Mutex
	keepers map[string]*Keeper // by namespace/name
	leaving map[string]*Keeper // by UID: a Pod of the same name may be there already
	caches  []Cache
	notify  func(*corev1.Pod)
	ctx     context.Context // of the process
	begun   bool            // keepers run only when the caches are there
}

func newProvider(ctx context.Context, s Settings, api docker.API) *Provider {
	return &Provider{
		settings: s, docker: api, started: time.Now(), ctx: ctx, keepers: map[string]*Keeper{}, leaving: map[string]*Keeper{},
	}
}

// recover finds the Pods of a former process by Docker's labels.
func (p *Provider) recover(ctx context.Context) error {
	found, err := p.docker.Containers(ctx, p.ownerLabels())
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, one := range found {
		if one.Labels[labelRole] != "sandbox" {
			continue
		}
		pod, size, ok := podFromLabels(one.Labels)
		if !ok {
			continue
		}
		known[string(pod.UID)] = true
		bid, _ := bidOf(pod)
		p.takeOver(newKeeper(p, pod, size, bid))
	}
	return p.removeOrphans(ctx, found, known)
}

// takeOver a Pod of a former process. Of two with one name, Docker lists the older one first: it was leaving.
func (p *Provider) takeOver(k *Keeper) {
	if former := p.keepers[podKey(k.pod())]; former != nil {
		p.retire(former, 0)
	}
	p.keepers[podKey(k.pod())] = k
}

func (p *Provider) ownerLabels() map[string]string {
	return map[string]string{labelOwner: p.settings.Owner, labelCluster: p.settings.Cluster}
}

func podFromLabels(labels map[string]string) (*corev1.Pod, Size, bool) {
	pod := &corev1.Pod{}
	if json.Unmarshal([]byte(labels[labelForm]), pod) != nil || pod.UID == "" {
		return nil, Size{}, false
	}
	size, err := parseSize(labels[labelInstance])
	return pod, size, err == nil
}

// removeOrphans takes away what belongs to no sandbox: a crash came between two calls.
func (p *Provider) removeOrphans(ctx context.Context, found []docker.Container, known map[string]bool) error {
	for _, one := range found {
		if role := one.Labels[labelRole]; (role == "container" || role == "sandbox") && !known[one.Labels[labelUID]] {
			if err := p.docker.Remove(ctx, one.ID); err != nil {
				return err
			}
		}
	}
	volumes, err := p.docker.Volumes(ctx, p.ownerLabels())
	for _, one := range volumes {
		if !known[one.Labels[labelUID]] {
			_ = p.docker.RemoveVolume(ctx, one.Name)
		}
	}
	return err
}

// begin lets the keepers run. Before that the caches of the API are empty, and everything would look deleted.
func (p *Provider) begin() {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.begun = true
	for _, one := range p.keepers {
		p.run(one)
	}
	for _, one := range p.leaving {
		p.run(one)
	}
}

func (p *Provider) run(one *Keeper) {
	go one.run(p.ctx)
	if one.bid.Spot {
		go one.watchMarket(p.ctx)
	}
}

// --- upstream's questions -----------------------------------------------------------------------------------------------

// CreatePod takes a Pod on, or refuses it. It does not wait for its containers.
func (p *Provider) CreatePod(_ context.Context, pod *corev1.Pod) error {
	effective, err := p.profiled(pod)
	if err != nil {
		return err
	}
	if err := refuse(effective); err != nil {
		return err
	}
	account, err := accountOf(p.configMap("kube-system", "eci-account"))
	if err != nil {
		return err
	}
	size, err := sizeOf(effective, account.inStock)
	if err != nil {
		return err
	}
	if _, err := storageOf(effective); err != nil {
		return err
	}
	bid, err := bidOf(effective)
	if err != nil {
		return err
	}
	if market, _ := p.market(); bid.Spot {
		if why := market.refuses(bid, size); why != "" {
			return refusal("NoStock.Spot", "%s", why)
		}
	}
	if _, _, err := cacheFor(effective, p.cachesNow()); err != nil {
		return err
	}
	k := newKeeper(p, effective, size, bid)
	k.given = pod
	return p.admit(k, account.Quota)
}

// admit counts the quota and takes the keeper in, both under one lock.
func (p *Provider) admit(k *Keeper, quota float64) error {
	p.lock.Lock()
	defer p.lock.Unlock()
	var used []Size
	for _, one := range p.keepers {
		if !one.isOver() {
			used = append(used, one.size)
		}
	}
	if err := overQuota(k.size, used, quota); err != nil {
		return err
	}
	p.keepers[podKey(k.pod())] = k
	storage, _ := storageOf(k.pod())
	p.event(k.pod(), corev1.EventTypeNormal, "ECIAllocated", "ECI instance of size %s with %s GiB of ephemeral storage in vSwitch %s",
		k.size, number(storage), orNone(p.vSwitch(k.pod())))
	if p.begun {
		p.run(k)
	}
	return nil
}

func orNone(text string) string {
	if text == "" {
		return "of the node"
	}
	return text
}

func (p *Provider) vSwitch(pod *corev1.Pod) string {
	profile, _ := p.profile()
	return vSwitchOf(pod, profile, rand.Intn)
}

// UpdatePod takes over what may change in a running Pod: labels, annotations, and values of its environment.
func (p *Provider) UpdatePod(ctx context.Context, pod *corev1.Pod) error {
	keeper, err := p.keeper(pod.Namespace, pod.Name)
	if err != nil {
		return err
	}
	if keeper.pod().UID != pod.UID {
		p.retire(keeper, 0)
		return p.CreatePod(ctx, pod)
	}
	effective, err := p.profiled(pod)
	if err != nil {
		return err
	}
	keeper.update(pod.DeepCopy(), effective.DeepCopy())
	return nil
}

// DeletePod begins the end; the keeper tells when it is over.
func (p *Provider) DeletePod(_ context.Context, pod *corev1.Pod) error {
	keeper, err := p.keeper(pod.Namespace, pod.Name)
	if err != nil {
		return err
	}
	grace := time.Duration(0)
	if pod.DeletionGracePeriodSeconds != nil {
		grace = time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
	}
	p.retire(keeper, grace)
	return nil
}

// retire frees the name at once: a StatefulSet makes the next Pod of that name as soon as it can.
func (p *Provider) retire(keeper *Keeper, grace time.Duration) {
	pod := keeper.pod()
	p.lock.Lock()
	if p.keepers[podKey(pod)] == keeper {
		delete(p.keepers, podKey(pod))
	}
	p.leaving[string(pod.UID)] = keeper
	p.lock.Unlock()
	keeper.end(grace)
}

func (p *Provider) forget(keeper *Keeper) {
	p.lock.Lock()
	defer p.lock.Unlock()
	delete(p.leaving, string(keeper.pod().UID))
}

// GetPod knows a Pod only as long as the API has the same one: another UID is another Pod.
func (p *Provider) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	keeper, err := p.keeper(namespace, name)
	if err != nil {
		return nil, err
	}
	if current, err := p.pods.Pods(namespace).Get(name); err == nil && current.UID != keeper.pod().UID {
		p.retire(keeper, 0)
		return nil, errdefs.NotFoundf("pod %s/%s is another one now", namespace, name)
	}
	return keeper.asGiven().DeepCopy(), nil
}

// GetPodStatus is the last one reported.
func (p *Provider) GetPodStatus(_ context.Context, namespace, name string) (*corev1.PodStatus, error) {
	keeper, err := p.keeper(namespace, name)
	if err != nil {
		return nil, err
	}
	status := keeper.statusNow()
	return status.DeepCopy(), nil
}

// GetPods lists all but those that are leaving.
func (p *Provider) GetPods(context.Context) ([]*corev1.Pod, error) {
	var pods []*corev1.Pod
	for _, one := range p.all() {
		pods = append(pods, one.asGiven().DeepCopy())
	}
	return pods, nil
}

// NotifyPods is upstream's way to be told of a status.
func (p *Provider) NotifyPods(_ context.Context, notify func(*corev1.Pod)) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.notify = notify
}

// --- what keepers need -----------------------------------------------------------------------------------------------------

func (p *Provider) keeper(namespace, name string) (*Keeper, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if found := p.keepers[namespace+"/"+name]; found != nil {
		return found, nil
	}
	return nil, errdefs.NotFoundf("pod %s/%s is not on this node", namespace, name)
}

// anyKeeper finds one that is leaving too: people read the logs of a Pod that ends.
func (p *Provider) anyKeeper(namespace, name string) (*Keeper, error) {
	found, err := p.keeper(namespace, name)
	if err == nil {
		return found, nil
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, one := range p.leaving {
		if podKey(one.pod()) == namespace+"/"+name {
			return one, nil
		}
	}
	return nil, err
}

func (p *Provider) all() []*Keeper {
	p.lock.Lock()
	defer p.lock.Unlock()
	var found []*Keeper
	for _, one := range p.keepers {
		found = append(found, one)
	}
	return found
}

// fromAPI is the Pod as the API has it now, nil if that is another one or none.
func (p *Provider) fromAPI(pod *corev1.Pod) *corev1.Pod {
	current, err := p.pods.Pods(pod.Namespace).Get(pod.Name)
	if err != nil || current.UID != pod.UID {
		return nil
	}
	return current
}

// tell writes a status onto the API's own form of the Pod: upstream sends labels and annotations along with it.
func (p *Provider) tell(pod *corev1.Pod, status corev1.PodStatus) {
	current := p.fromAPI(pod)
	p.lock.Lock()
	notify := p.notify
	p.lock.Unlock()
	if current == nil || notify == nil {
		return
	}
	current = current.DeepCopy()
	status.DeepCopyInto(&current.Status)
	notify(current)
}

func (p *Provider) event(pod *corev1.Pod, kind, reason, message string, values ...any) {
	if p.recorder != nil {
		p.recorder.Eventf(pod, kind, reason, message, values...)
	}
}

func (p *Provider) complain(pod *corev1.Pod, verb string, err error) {
	log.G(p.ctx).WithError(err).Warnf("could not %s %s", verb, podKey(pod))
}

func (p *Provider) exec(ctx context.Context, id string, command []string) (int, string, error) {
	var out bytes.Buffer
	code, err := p.docker.Exec(ctx, id, docker.Exec{Command: command, Streams: docker.Streams{Out: &out, Err: &out}})
	return code, out.String(), err
}

// removeAll removes containers first, the sandbox last: as long as it is there, the rest can be found again.
func (p *Provider) removeAll(ctx context.Context, uid string) error {
	found, err := p.docker.Containers(ctx, podLabels(p.settings, uid))
	if err != nil {
		return err
	}
	for _, role := range []string{"container", "sandbox"} {
		for _, one := range found {
			if one.Labels[labelRole] != role {
				continue
			}
			if err := p.docker.Remove(ctx, one.ID); err != nil {
				return err
			}
		}
	}
	volumes, err := p.docker.Volumes(ctx, podLabels(p.settings, uid))
	if err != nil {
		return err
	}
	for _, one := range volumes {
		if err := p.docker.RemoveVolume(ctx, one.Name); err != nil {
			return err
		}
	}
	return nil
}

// deleteFromAPI is the kubelet's last word. Without it upstream waits for the whole grace period.
func (p *Provider) deleteFromAPI(ctx context.Context, pod *corev1.Pod) {
	options := metav1.NewDeleteOptions(0)
	options.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	err := p.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *options)
	if err != nil && !errors.IsNotFound(err) && !errors.IsConflict(err) {
		p.complain(pod, "delete from the API", err)
	}
}

func (p *Provider) requestToken(ctx context.Context, pod *corev1.Pod, wanted corev1.ServiceAccountTokenProjection) (string, time.Duration, error) {
	request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{
		ExpirationSeconds: wanted.ExpirationSeconds,
		BoundObjectRef:    &authv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
	}}
	if wanted.Audience != "" {
		request.Spec.Audiences = []string{wanted.Audience}
	}
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	made, err := p.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return "", 0, err
	}
	return made.Status.Token, time.Until(made.Status.ExpirationTimestamp.Time), nil
}

// --- ECI's own settings --------------------------------------------------------------------------------------------------------

func (p *Provider) configMap(namespace, name string) *corev1.ConfigMap {
	found, err := p.configMaps.ConfigMaps(namespace).Get(name)
	if err != nil {
		return nil
	}
	return found
}

func (p *Provider) profile() (Profile, error) {
	return profileOf(p.configMap("kube-system", "eci-profile"))
}

func (p *Provider) profiled(pod *corev1.Pod) (*corev1.Pod, error) {
	profile, err := p.profile()
	if err != nil {
		return nil, refusal("InvalidProfile", "ConfigMap kube-system/eci-profile: %v", err)
	}
	namespaceLabels := map[string]string{}
	if namespace, err := p.namespaces.Get(pod.Namespace); err == nil {
		namespaceLabels = namespace.Labels
	}
	return profile.apply(pod, namespaceLabels)
}

func (p *Provider) market() (Market, SpotClock) {
	return marketOf(p.configMap("kube-system", "eci-spot-market"))
}

func (p *Provider) cachesNow() []Cache {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.caches
}

// cached says whether a Pod's image need not be pulled.
func (p *Provider) cached(pod *corev1.Pod, image string) (Cache, bool) {
	cache, found, err := cacheFor(pod, p.cachesNow())
	return cache, err == nil && found && cache.has(image)
}

func (p *Provider) listCaches(ctx context.Context) ([]unstructured.Unstructured, error) {
	found, err := p.dynamic.Resource(imageCaches).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var ready []Cache
	for i := range found.Items {
		if cache, ok := cacheOf(&found.Items[i]); ok {
			ready = append(ready, cache)
		}
	}
	p.lock.Lock()
	p.caches = ready
	p.lock.Unlock()
	return found.Items, nil
}

func (p *Provider) setCache(ctx context.Context, cache *unstructured.Unstructured, status map[string]any) {
	client := p.dynamic.Resource(imageCaches)
	current, err := client.Get(ctx, cache.GetName(), metav1.GetOptions{})
	if err != nil || current.GetUID() != cache.GetUID() {
		return
	}
	current.Object["status"] = status
	_, _ = client.UpdateStatus(ctx, current, metav1.UpdateOptions{})
}

// services of a namespace, and the API server's.
func (p *Provider) services(namespace string) []*corev1.Service {
	found, _ := p.allServices.Services(namespace).List(labels.Everything())
	if main, err := p.allServices.Services("default").Get("kubernetes"); err == nil && namespace != "default" {
		found = append(found, main)
	}
	return found
}
