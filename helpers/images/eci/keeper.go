package main

import (
	"cmp"
	"context"
	"maps"
	"sync"
	"time"

	"acplab.local/eci/docker"
	"github.com/virtual-kubelet/virtual-kubelet/log"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// Keeper looks after one Pod, from its creation until nothing of it is left. It looks, decides, does one thing, and looks
// again; between two looks it waits for an event of Docker, a probe, or a time.
type Keeper struct {
	p    *Provider
	size Size
	bid  Bid

	lock    sync.Mutex
	form    *corev1.Pod // with what the profile adds
	given   *corev1.Pod // as Kubernetes has it
	known   Known
	status  *corev1.PodStatus // as last reported
	view    View              // as last seen
	ending  *time.Duration    // the grace period, once the Pod is to go
	probers map[string]context.CancelFunc
	pulled  map[string]bool
	written map[string]string // by volume: the digest of its files
	tokens  map[string]token

	wake     chan struct{}
	work     context.Context // ends when the Pod is to go
	stopWork context.CancelFunc

	// Only the keeper's own goroutine reads and writes these.
	billed bool   // the ledger has the begin
	routes string // as the sandbox was last told; "" after a start, which may have come with old ones
}

func newKeeper(p *Provider, pod *corev1.Pod, size Size, bid Bid) *Keeper {
	k := &Keeper{
		p: p, size: size, bid: bid, form: pod, given: pod, known: newKnown(), wake: make(chan struct{}, 1),
		probers: map[string]context.CancelFunc{}, pulled: map[string]bool{}, written: map[string]string{}, tokens: map[string]token{},
	}
	k.work, k.stopWork = context.WithCancel(context.Background())
	return k
}

// pod is never changed in place: an update puts another one in its place.
func (k *Keeper) pod() *corev1.Pod {
	k.lock.Lock()
	defer k.lock.Unlock()
	return k.form
}

// asGiven is for upstream, which compares it with the API's: what the profile adds must not look like a change.
func (k *Keeper) asGiven() *corev1.Pod {
	k.lock.Lock()
	defer k.lock.Unlock()
	return k.given
}

func (k *Keeper) update(given, effective *corev1.Pod) {
	k.lock.Lock()
	k.given, k.form = given, effective
	k.lock.Unlock()
	k.nudge()
}

// nudge makes the keeper look again; several nudges are one.
func (k *Keeper) nudge() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// end makes the Pod go. A second call can only make it faster.
func (k *Keeper) end(grace time.Duration) {
	k.lock.Lock()
	if k.ending == nil || grace < *k.ending {
		k.ending = &grace
	}
	k.lock.Unlock()
	k.stopWork()
	k.nudge()
}

func (k *Keeper) isEnding() (time.Duration, bool) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.ending == nil {
		return 0, false
	}
	return *k.ending, true
}

// look asks Docker for everything of this Pod.
func (k *Keeper) look(ctx context.Context) (View, error) {
	found, err := k.p.docker.Containers(ctx, podLabels(k.p.settings, string(k.pod().UID)))
	if err != nil {
		return View{}, err
	}
	view := viewOf(found)
	k.lock.Lock()
	k.view = view
	k.lock.Unlock()
	return view, nil
}

func podLabels(s Settings, uid string) map[string]string {
	return map[string]string{labelOwner: s.Owner, labelCluster: s.Cluster, labelUID: uid}
}

// refresh is how often files of ConfigMaps and Secrets are compared, as the kubelet does it.
const refresh = time.Minute

// run ends when the Pod is gone, or with ctx, which leaves everything as it is: the next process goes on.
func (k *Keeper) run(ctx context.Context) {
	k.rememberFailure()
	for ctx.Err() == nil {
		if grace, ok := k.isEnding(); ok {
			k.dispose(ctx, grace)
			return
		}
		view, err := k.look(ctx)
		if err != nil {
			k.p.complain(k.pod(), "look at", err)
			sleep(ctx, time.Second)
			continue
		}
		k.watchProbes(ctx, view)
		k.report(view)
		settled := k.settle(ctx, view)
		step := decide(k.pod(), view, k.knownNow(), time.Now())
		if k.perform(ctx, view, step) {
			continue
		}
		if !settled {
			step.Again = sooner(step.Again, 2*time.Second)
		}
		k.wait(ctx, step.Again)
	}
}

// rememberFailure: a Pod that has failed from outside does so for good. Its containers alone do not tell.
func (k *Keeper) rememberFailure() {
	if current := k.p.fromAPI(k.pod()); current != nil && current.Status.Phase == corev1.PodFailed {
		k.fail(current.Status.Reason, current.Status.Message)
	}
}

// settle does what a running sandbox still lacks, because the API server was away or the process ended in between: its
// record in the ledger, and the routes of today. False if it has to be tried again.
func (k *Keeper) settle(ctx context.Context, view View) bool {
	if view.Sandbox == nil || !view.Sandbox.State.Running() {
		return true
	}
	if err := k.openBill(ctx, *view.Sandbox); err != nil {
		k.p.complain(k.pod(), "open the bill of", err)
		return false
	}
	return k.tellRoutes(ctx, *view.Sandbox)
}

func (k *Keeper) tellRoutes(ctx context.Context, sandbox docker.Container) bool {
	routes := k.p.routes()
	if routes == k.routes || routes == "" {
		return true
	}
	code, words, err := k.p.exec(ctx, sandbox.ID, []string{"/sandbox", "routes", routes})
	if err != nil || code != 0 {
		log.G(ctx).WithError(err).Warnf("could not set routes of %s: %s", podKey(k.pod()), words)
		return false
	}
	k.routes = routes
	return true
}

func (k *Keeper) wait(ctx context.Context, again time.Duration) {
	timer := time.NewTimer(sooner(again, refresh))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-k.wake:
	case <-timer.C:
		k.refreshFiles(ctx)
	}
}

func (k *Keeper) knownNow() Known {
	k.lock.Lock()
	defer k.lock.Unlock()
	return Known{
		maps.Clone(k.known.Ready), maps.Clone(k.known.Started), maps.Clone(k.known.Kill), maps.Clone(k.known.Waiting), k.known.Failure,
	}
}

// change alters what is known, and looks again.
func (k *Keeper) change(alter func(*Known)) {
	k.lock.Lock()
	alter(&k.known)
	k.lock.Unlock()
	k.nudge()
}

// fail ends the Pod from outside.
func (k *Keeper) fail(reason, message string) {
	k.change(func(known *Known) { known.Failure = &Failure{reason, message} })
}

// perform does one step; true if there may be another one at once.
func (k *Keeper) perform(ctx context.Context, view View, step Step) bool {
	switch {
	case step.Sandbox:
		k.makeSandbox(view)
		return true
	case step.Start != nil:
		return k.startContainer(view, *step.Start)
	case step.Kill != nil:
		return k.killContainer(ctx, view, *step.Kill)
	case step.Finish:
		k.finish(ctx, view)
	}
	for _, old := range view.stale() {
		_ = k.p.docker.Remove(ctx, old.ID)
	}
	return false
}

// report tells upstream a status that has changed.
func (k *Keeper) report(view View) {
	pod := k.pod()
	former := pod.Status
	if current := k.p.fromAPI(pod); current != nil {
		former = current.Status
	}
	status := statusOf(k.p.settings, pod, former, view, k.knownNow(), time.Now())
	k.lock.Lock()
	same := k.status != nil && equality.Semantic.DeepEqual(*k.status, status)
	k.status = &status
	k.lock.Unlock()
	if !same {
		k.p.tell(pod, status)
	}
}

// runningNow gives the running containers as they were last seen, without asking Docker.
func (k *Keeper) runningNow() map[string]Attempt {
	k.lock.Lock()
	defer k.lock.Unlock()
	found := map[string]Attempt{}
	for name := range k.view.attempts {
		if current := k.view.current(name); current.State.Running() {
			found[name] = *current
		}
	}
	return found
}

// --- probes -----------------------------------------------------------------------------------------------------------

// watchProbes starts a prober for each running attempt that has none, and ends those of attempts that ended.
func (k *Keeper) watchProbes(ctx context.Context, view View) {
	alive := map[string]bool{}
	for _, one := range containersOf(k.pod()) {
		current := view.current(one.Name)
		if current == nil || !current.State.Running() {
			continue
		}
		alive[current.ID] = true
		if _, ok := k.probers[current.ID]; !ok {
			k.probe(ctx, one, *current, view.address(k.p.settings.Network))
		}
	}
	for id, stop := range k.probers {
		if !alive[id] {
			stop()
			delete(k.probers, id)
		}
	}
}

func (k *Keeper) probe(ctx context.Context, one corev1.Container, attempt Attempt, address string) {
	ctx, cancel := context.WithCancel(ctx)
	k.probers[attempt.ID] = cancel
	// Whoever restarts must not take a container out of its Service that answers: the API still says that it is ready.
	started, ready := k.formerVerdicts(one.Name, attempt.ID)
	k.change(func(known *Known) {
		known.Ready[one.Name], known.Started[one.Name] = ready, started
		delete(known.Kill, one.Name)
	})
	ask := k.asker(one, attempt.ID, address).probe
	p := prober{container: one, ask: ask, tell: k.verdict(one.Name), failed: k.probeFailed(one.Name)}
	go p.run(ctx, started)
}

func (k *Keeper) formerVerdicts(name, id string) (started, ready bool) {
	current := k.p.fromAPI(k.pod())
	if current == nil {
		return false, false
	}
	for _, one := range append(current.Status.InitContainerStatuses, current.Status.ContainerStatuses...) {
		if one.Name == name && one.ContainerID == "docker://"+id {
			return one.Started != nil && *one.Started, one.Ready
		}
	}
	return false, false
}

func (k *Keeper) asker(one corev1.Container, id, address string) asker {
	exec := func(ctx context.Context, command []string) (int, string, error) { return k.p.exec(ctx, id, command) }
	return asker{address: address, container: one, exec: exec}
}

func (k *Keeper) verdict(container string) func(kind string, good bool, words string) {
	return func(kind string, good bool, words string) {
		k.change(func(known *Known) {
			switch {
			case kind == "readiness":
				known.Ready[container] = good
			case good:
				known.Started[container] = true
			default:
				known.Kill[container] = "Container " + container + " failed " + kind + " probe, will be restarted"
			}
		})
	}
}

func (k *Keeper) probeFailed(container string) func(kind, words string) {
	return func(kind, words string) {
		k.p.event(k.pod(), corev1.EventTypeWarning, "Unhealthy", "%s probe failed: %s", capital(kind), words)
	}
}

func capital(word string) string { return string(word[0]-'a'+'A') + word[1:] }

// --- the end ----------------------------------------------------------------------------------------------------------

// finish stops what still runs of a Pod that is over, and ends its bill. Its containers stay, for their logs.
func (k *Keeper) finish(ctx context.Context, view View) {
	if view.Sandbox == nil || !view.Sandbox.State.Running() {
		return
	}
	k.stopAll(ctx, view, graceOf(k.pod()))
	status := k.statusNow()
	if k.closeBill(ctx, cmp.Or(status.Reason, string(status.Phase))) != nil {
		return // the ledger could not be written; at the next look it is tried again
	}
	_ = k.p.docker.Stop(ctx, view.Sandbox.ID, time.Second)
	k.nudge()
}

func graceOf(pod *corev1.Pod) time.Duration {
	if pod.Spec.TerminationGracePeriodSeconds == nil {
		return 30 * time.Second
	}
	return time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second
}

func (k *Keeper) statusNow() corev1.PodStatus {
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.status == nil {
		return corev1.PodStatus{}
	}
	return *k.status
}

// dispose ends the Pod and removes all of it, then its API object, as a kubelet does. What fails is tried again for as long
// as the process lives; the next one finds the rest by its labels.
func (k *Keeper) dispose(ctx context.Context, grace time.Duration) {
	for _, stop := range k.probers {
		stop()
	}
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := k.tryDispose(ctx, grace)
		if err == nil || ctx.Err() != nil {
			break
		}
		k.p.complain(k.pod(), "remove", err)
		sleep(ctx, wait)
	}
	if ctx.Err() == nil {
		k.p.bury(ctx, k.pod())
		k.p.forget(k)
	}
}

func (k *Keeper) tryDispose(ctx context.Context, grace time.Duration) error {
	view, err := k.look(ctx)
	if err != nil {
		return err
	}
	k.stopAll(ctx, view, grace)
	if view, err = k.look(ctx); err != nil {
		return err
	}
	k.report(view)
	if err := k.closeBill(ctx, "Deleted"); err != nil {
		return err
	}
	return k.p.removeAll(ctx, string(k.pod().UID))
}

// stopAll stops main containers side by side, then sidecars in reverse order, all within the one grace period.
func (k *Keeper) stopAll(ctx context.Context, view View, grace time.Duration) {
	until := time.Now().Add(grace)
	var wait sync.WaitGroup
	for _, one := range k.pod().Spec.Containers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			k.stopOne(ctx, view, one, until, "Stopping container "+one.Name)
		}()
	}
	wait.Wait()
	inits := k.pod().Spec.InitContainers
	for i := len(inits) - 1; i >= 0; i-- {
		k.stopOne(ctx, view, inits[i], until, "Stopping container "+inits[i].Name)
	}
}

// stopOne runs the preStop hook first; both share the time that is left. False if Docker could not stop it.
func (k *Keeper) stopOne(ctx context.Context, view View, one corev1.Container, until time.Time, why string) bool {
	current := view.current(one.Name)
	if current == nil || !current.State.Running() {
		return true
	}
	k.p.event(k.pod(), corev1.EventTypeNormal, "Killing", "%s", why)
	if one.Lifecycle != nil && one.Lifecycle.PreStop != nil {
		k.hook(ctx, view, one, *current, *one.Lifecycle.PreStop, until)
	}
	if err := k.p.docker.Stop(ctx, current.ID, max(time.Until(until), time.Second)); err != nil {
		k.p.complain(k.pod(), "stop "+one.Name+" of", err)
		return false
	}
	return true
}

func (k *Keeper) hook(ctx context.Context, view View, one corev1.Container, attempt Attempt, hook corev1.LifecycleHandler, until time.Time) bool {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if hook.Sleep != nil {
		return sleep(ctx, time.Duration(hook.Sleep.Seconds)*time.Second)
	}
	handler := corev1.ProbeHandler{Exec: hook.Exec, HTTPGet: hook.HTTPGet, TCPSocket: hook.TCPSocket}
	ok, words := k.asker(one, attempt.ID, view.address(k.p.settings.Network)).probe(ctx, handler)
	if !ok {
		k.p.event(k.pod(), corev1.EventTypeWarning, "FailedHook", "Hook of container %s failed: %s", one.Name, words)
	}
	return ok
}

func (k *Keeper) killContainer(ctx context.Context, view View, one corev1.Container) bool {
	if !k.stopOne(ctx, view, one, time.Now().Add(graceOf(k.pod())), k.knownNow().Kill[one.Name]) {
		return false
	}
	k.change(func(known *Known) { delete(known.Kill, one.Name) })
	return true
}

// closeBill writes the end. A Pod that is over ended with its last container, not when somebody deleted it.
func (k *Keeper) closeBill(ctx context.Context, reason string) error {
	k.lock.Lock()
	view := k.view
	k.lock.Unlock()
	if view.Sandbox == nil || view.Sandbox.State.StartedAt.IsZero() {
		return nil // there was never an instance, or it is noted already
	}
	if err := k.openBill(ctx, *view.Sandbox); err != nil {
		return err
	}
	end := time.Now()
	if isOver(k.pod(), view) {
		end = lastEnd(view, end)
	}
	return k.p.ledger.Close(ctx, k.record(*view.Sandbox), end, reason)
}

func lastEnd(view View, otherwise time.Time) time.Time {
	var last time.Time
	for name := range view.attempts {
		last = later(last, view.current(name).State.FinishedAt)
	}
	if last.IsZero() {
		return otherwise
	}
	return last
}

func (k *Keeper) record(sandbox docker.Container) Record {
	share := 0.0
	if k.bid.Spot {
		market, _ := k.p.market()
		share = market.Share
	}
	record := recordOf(k.pod(), k.size, share, sandbox.Created)
	record.Cached = helped(k.pod(), k.p.cachesNow())
	return record
}
