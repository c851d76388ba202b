package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"acplab.local/eci/docker"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
)

var background = context.Background()

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatal("never: " + what)
}

func numbered(n int) *corev1.Pod {
	pod := podOf(container("a", ""))
	pod.Name, pod.UID = fmt.Sprintf("web-%d", n), apitypes.UID(fmt.Sprintf("%08d-uid", n))
	pod.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	return pod
}

func (w *world) create(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	_ = w.podIndex.Add(pod)
	if err := w.CreatePod(background, pod.DeepCopy()); err != nil {
		t.Fatal(err)
	}
}

func TestAPodLivesAndGoes(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	w.create(t, pod)
	until(t, "ready", func() bool { return w.phase(string(pod.UID)) == "Running ready" })
	if w.fake.count(nil) != 2 || len(w.fake.volumes) != 1 || w.ledger.opened[string(pod.UID)] != 1 {
		t.Errorf("%d containers, %d volumes", w.fake.count(nil), len(w.fake.volumes))
	}
	if err := w.DeletePod(background, pod); err != nil {
		t.Fatal(err)
	}
	until(t, "buried", func() bool { return w.isBuried(string(pod.UID)) })
	if w.fake.count(nil) != 0 || len(w.fake.volumes) != 0 || w.ledger.closed[string(pod.UID)] != 1 {
		t.Errorf("left: %d containers, %d volumes, %v", w.fake.count(nil), len(w.fake.volumes), w.ledger.closed)
	}
}

func TestAContainerThatEndsStartsAgain(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	w.create(t, pod)
	until(t, "ready", func() bool { return w.phase(string(pod.UID)) == "Running ready" })
	w.fake.end(containerName(pod, "a", 0), 3)
	until(t, "a second attempt", func() bool { return w.fake.containers[containerName(pod, "a", 1)] != nil })
	until(t, "its status", func() bool {
		w.lock.Lock()
		defer w.lock.Unlock()
		one := w.statuses[string(pod.UID)].ContainerStatuses[0]
		return one.RestartCount == 1 && one.LastTerminationState.Terminated != nil && one.LastTerminationState.Terminated.ExitCode == 3
	})
}

func TestAJobEndsWithItsBill(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	w.create(t, pod)
	until(t, "running", func() bool { return w.phase(string(pod.UID)) == "Running ready" })
	w.fake.end(containerName(pod, "a", 0), 0)
	until(t, "succeeded", func() bool { return w.phase(string(pod.UID)) == "Succeeded" })
	until(t, "the bill's end", func() bool {
		w.ledger.lock.Lock()
		defer w.ledger.lock.Unlock()
		return w.ledger.closed[string(pod.UID)] == 1
	})
	if w.fake.count(nil) != 2 {
		t.Error("the containers of a Job that ended are kept for their logs")
	}
}

func TestAnImageThatIsNotThereIsTriedAgain(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	pod.Spec.Containers[0].Image = "none"
	w.create(t, pod)
	until(t, "ErrImagePull", func() bool {
		w.lock.Lock()
		defer w.lock.Unlock()
		statuses := w.statuses[string(pod.UID)].ContainerStatuses
		return len(statuses) > 0 && statuses[0].State.Waiting != nil && statuses[0].State.Waiting.Reason == "ErrImagePull"
	})
}

func TestRefusedPodsLeaveNothing(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	pod.Spec.HostNetwork = true
	var refused Refused
	if err := w.CreatePod(background, pod); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	if _, err := w.GetPod(background, pod.Namespace, pod.Name); err == nil || w.fake.count(nil) != 0 {
		t.Error("something was made")
	}
}

func TestANameThatIsTakenAgainIsAnotherPod(t *testing.T) {
	w := started(t)
	old := numbered(1)
	w.create(t, old)
	until(t, "ready", func() bool { return w.phase(string(old.UID)) == "Running ready" })
	fresh := old.DeepCopy()
	fresh.UID = "another-uid"
	_ = w.podIndex.Update(fresh)
	if found, _ := w.GetPod(background, old.Namespace, old.Name); found != nil {
		t.Fatal("the old Pod was given for the new one")
	}
	w.create(t, fresh)
	until(t, "ready", func() bool { return w.phase("another-uid") == "Running ready" })
	until(t, "the old one gone", func() bool { return w.fake.count(map[string]string{labelUID: string(old.UID)}) == 0 })
}

func TestWhoeverStartsAgainFindsEverything(t *testing.T) {
	fake, pods := newFakeDocker(), indexer()
	first := newWorld(fake, pods)
	first.start()
	for n := range 30 {
		first.create(t, numbered(n))
	}
	until(t, "30 Pods", func() bool { return fake.count(map[string]string{labelRole: "container"}) == 30 })
	first.stop() // as if killed: nothing is cleaned up
	time.Sleep(20 * time.Millisecond)
	made := fake.created
	gone := numbered(7)
	_ = pods.Delete(gone)

	second := newWorld(fake, pods)
	defer second.stop()
	if err := second.recover(second.ctx); err != nil {
		t.Fatal(err)
	}
	known, _ := second.GetPods(background)
	if len(known) != 30 {
		t.Fatalf("%d Pods were found", len(known))
	}
	if err := second.DeletePod(background, gone); err != nil { // upstream does so for what the API does not know
		t.Fatal(err)
	}
	second.begin()
	until(t, "29 ready", func() bool {
		count := 0
		for n := range 30 {
			if second.phase(string(numbered(n).UID)) == "Running ready" {
				count++
			}
		}
		return count == 29
	})
	until(t, "the deleted one gone", func() bool { return fake.count(map[string]string{labelUID: string(gone.UID)}) == 0 })
	if fake.created != made {
		t.Errorf("%d containers were made again", fake.created-made)
	}
}

func TestWhatBelongsToOthersIsLeftAlone(t *testing.T) {
	fake := newFakeDocker()
	for name, labels := range map[string]map[string]string{
		"strange": {}, "neighbour": {labelOwner: "other", labelCluster: "small", labelRole: "sandbox"},
		"other-cluster": {labelOwner: "me", labelCluster: "ha", labelRole: "container"},
		"program":       {labelOwner: "me", labelCluster: "small", labelRole: "program"},
		"orphan":        {labelOwner: "me", labelCluster: "small", labelRole: "container", labelUID: "gone"},
	} {
		_, _ = fake.Create(background, name, docker.Form{Labels: labels})
	}
	w := newWorld(fake, indexer())
	defer w.stop()
	w.start()
	until(t, "the orphan gone", func() bool { return fake.count(nil) == 4 })
}

func TestTheBillIsWrittenBeforeTheInstanceIsForgotten(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	w.create(t, pod)
	until(t, "ready", func() bool { return w.phase(string(pod.UID)) == "Running ready" })
	w.ledger.lock.Lock()
	w.ledger.fail = errors.New("the API server is away")
	w.ledger.lock.Unlock()
	_ = w.DeletePod(background, pod)
	time.Sleep(50 * time.Millisecond)
	if w.fake.count(map[string]string{labelRole: "sandbox"}) != 1 {
		t.Fatal("the sandbox is gone, and its end is noted nowhere")
	}
	w.ledger.lock.Lock()
	w.ledger.fail = nil
	w.ledger.lock.Unlock()
	until(t, "gone", func() bool { return w.fake.count(nil) == 0 })
}

func TestAThousandInRandomOrderLeaveNothing(t *testing.T) {
	w := started(t)
	chance := rand.New(rand.NewSource(1))
	alive := map[int]*corev1.Pod{}
	for n := range 1000 {
		if len(alive) > 0 && chance.Intn(2) == 0 {
			for key, pod := range alive { // any of them
				delete(alive, key)
				_ = w.podIndex.Delete(pod)
				_ = w.DeletePod(background, pod)
				break
			}
		}
		pod := numbered(n)
		alive[n] = pod
		w.create(t, pod)
	}
	for _, pod := range alive {
		_ = w.podIndex.Delete(pod)
		_ = w.DeletePod(background, pod)
	}
	until(t, "nothing left", func() bool {
		w.Provider.lock.Lock()
		defer w.Provider.lock.Unlock()
		return len(w.leaving) == 0 && len(w.keepers) == 0
	})
	if w.fake.count(nil) != 0 || len(w.fake.volumes) != 0 {
		t.Errorf("%d containers and %d volumes leaked", w.fake.count(nil), len(w.fake.volumes))
	}
	for uid, count := range w.ledger.opened {
		if count > 0 && w.ledger.closed[uid] == 0 {
			t.Errorf("%s was opened and never closed", uid)
		}
	}
}

func (w *world) ready(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	w.create(t, pod)
	until(t, "ready", func() bool { return w.phase(string(pod.UID)) == "Running ready" })
}

func TestOfTwoWithOneNameTheOlderOneWasLeaving(t *testing.T) {
	fake, pods := newFakeDocker(), indexer()
	first := newWorld(fake, pods)
	first.start()
	old := numbered(1)
	first.ready(t, old)
	first.stop() // killed while the old one was leaving
	time.Sleep(20 * time.Millisecond)
	fresh := old.DeepCopy()
	fresh.UID = "another-uid"
	_ = pods.Update(fresh)
	form, _ := sandboxForm(settings, fresh, defaultSize, "")
	_, _ = fake.Create(background, "fresh", form)

	second := newWorld(fake, pods)
	defer second.stop()
	second.start()
	until(t, "the new one ready", func() bool { return second.phase("another-uid") == "Running ready" })
	until(t, "the old one gone", func() bool { return fake.count(map[string]string{labelUID: string(old.UID)}) == 0 })
	if second.ledger.bills(old.UID) != [2]int{1, 1} {
		t.Errorf("its bill: %v", second.ledger.bills(old.UID))
	}
}

func TestABillThatCouldNotBeOpenedIsOpenedLater(t *testing.T) {
	w := started(t)
	w.ledger.away(errors.New("the API server is away"))
	pod := numbered(1)
	w.ready(t, pod)
	w.ledger.away(nil)
	until(t, "billed", func() bool { return w.ledger.bills(pod.UID) == [2]int{1, 0} })
}

func TestNobodyRunsWithoutABill(t *testing.T) {
	w := started(t)
	w.ledger.away(errors.New("the API server is away"))
	pod := numbered(1)
	w.ready(t, pod)
	_ = w.DeletePod(background, pod)
	time.Sleep(20 * time.Millisecond)
	w.ledger.away(nil)
	until(t, "gone", func() bool { return w.fake.count(nil) == 0 })
	if got := w.ledger.bills(pod.UID); got != [2]int{1, 1} {
		t.Errorf("%v", got)
	}
}

func TestWhatHasFailedFromOutsideDoesNotComeBack(t *testing.T) {
	fake, pods := newFakeDocker(), indexer()
	first := newWorld(fake, pods)
	first.start()
	pod := numbered(1)
	first.ready(t, pod)
	keeper, _ := first.keeper(pod.Namespace, pod.Name)
	keeper.fail("Expired", "the market")
	until(t, "failed", func() bool {
		return first.phase(string(pod.UID)) == "Failed" && first.ledger.bills(pod.UID) == [2]int{1, 1}
	})
	until(t, "stopped", func() bool { view, _ := keeper.look(background); return !view.Sandbox.State.Running() })
	first.stop()
	time.Sleep(20 * time.Millisecond)
	failed := pod.DeepCopy()
	failed.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Expired"}
	_ = pods.Update(failed)

	second := newWorld(fake, pods)
	defer second.stop()
	made := fake.created
	second.start()
	until(t, "a status", func() bool { return second.phase(string(pod.UID)) == "Failed" })
	time.Sleep(20 * time.Millisecond)
	if again, _ := second.keeper(pod.Namespace, pod.Name); fake.created != made || len(again.runningNow()) != 0 {
		t.Error("a Pod of restartPolicy Always was made again, although it has failed")
	}
}

// market is the ConfigMap of the spot market; 36000 makes the hour a tenth of a second.
func (w *world) market(share, stock string) {
	_ = w.configs.Add(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "eci-spot-market"},
		Data:       map[string]string{"price-share": share, "stock": stock, "speed": "36000"},
	})
}

func spotPod(n int) *corev1.Pod {
	pod := numbered(n)
	pod.Annotations = map[string]string{spotStrategy: "SpotWithPriceLimit", spotPriceLimit: "0.1"}
	return pod
}

func TestASpotInstanceIsTakenBackWhenTheMarketRises(t *testing.T) {
	w := started(t)
	w.market("0.2", "true")
	pod, done := spotPod(1), spotPod(2)
	done.Spec.RestartPolicy = corev1.RestartPolicyNever
	w.ready(t, pod)
	w.ready(t, done)
	w.fake.end(containerName(done, "a", 0), 0)
	until(t, "succeeded", func() bool { return w.phase(string(done.UID)) == "Succeeded" })
	w.market("0.5", "true")
	until(t, "taken back", func() bool { return w.phase(string(pod.UID)) == "Failed" })
	w.lock.Lock()
	reason := w.statuses[string(pod.UID)].Reason
	w.lock.Unlock()
	until(t, "the bill's end", func() bool { return w.ledger.bills(pod.UID) == [2]int{1, 1} })
	if reason != "Expired" || w.ledger.reasons[string(pod.UID)] != "Expired" {
		t.Errorf("%s, %v", reason, w.ledger.reasons)
	}
	if w.phase(string(done.UID)) != "Succeeded" {
		t.Error("what had given its instance back was taken back")
	}
	if err := w.admitError(spotPod(3)); !errors.As(err, &Refused{}) {
		t.Errorf("a new one over the limit: %v", err)
	}
}

func (w *world) admitError(pod *corev1.Pod) error {
	_ = w.podIndex.Add(pod)
	return w.CreatePod(background, pod)
}

func TestWhatAProfileAddsIsNoChangeForUpstream(t *testing.T) {
	w := started(t)
	_ = w.configs.Add(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "eci-profile"},
		Data:       map[string]string{"selectors": `[{"name": "all", "effect": {"annotations": {"k8s.aliyun.com/eci-use-specs": "4-8Gi"}}}]`},
	})
	pod := numbered(1)
	w.ready(t, pod)
	keeper, _ := w.keeper(pod.Namespace, pod.Name)
	if given, _ := w.GetPod(background, pod.Namespace, pod.Name); given.Annotations[useSpecs] != "" || keeper.size.VCPU != 4 {
		t.Errorf("%v, size %v", given.Annotations, keeper.size)
	}
	changed := pod.DeepCopy()
	changed.Labels = map[string]string{"new": "label"}
	if err := w.UpdatePod(background, changed); err != nil || keeper.pod().Annotations[useSpecs] != "4-8Gi" || keeper.pod().Labels["new"] != "label" {
		t.Errorf("%v %v", err, keeper.pod().ObjectMeta)
	}
}

func TestQuotaAndStockOfTheAccount(t *testing.T) {
	w := started(t)
	_ = w.configs.Add(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "eci-account"},
		Data:       map[string]string{"quota-vcpu": "3", "sold-out": "1-2Gi"},
	})
	w.ready(t, numbered(1)) // 2 vCPU
	refused := Refused{}
	if err := w.admitError(numbered(2)); !errors.As(err, &refused) || refused.Code != "QuotaExceeded.vCPU" {
		t.Errorf("%v", err)
	}
	small := numbered(3)
	small.Spec.Containers[0] = container("a", "1 2Gi")
	if err := w.admitError(small); !errors.As(err, &refused) || refused.Code != "NoStock" {
		t.Errorf("%v", err)
	}
}

func TestRoutesAreToldAgainAfterASandboxHasStarted(t *testing.T) {
	w := newWorld(newFakeDocker(), indexer())
	defer w.stop()
	_ = w.workers.Add(workerNode("n", "1"))
	w.start()
	pod := numbered(1)
	w.ready(t, pod)
	sandbox := containerName(pod, "sandbox", 0)
	told := sandbox + ": /sandbox routes 172.20.1.0/24 via 172.18.0.3,172.21.0.0/20 via 172.18.0.3"
	if w.fake.ran(told) != 0 {
		t.Error("it came with these routes")
	}
	w.fake.end(sandbox, 137) // as after a restart of Docker
	until(t, "told", func() bool { return w.fake.ran(told) == 1 })
	until(t, "the container again", func() bool { return w.fake.count(map[string]string{labelAttempt: "1"}) == 1 })
}

func TestWhatLivenessGivesUpIsStoppedWithItsHook(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"drain"}}}}
	w.ready(t, pod)
	keeper, _ := w.keeper(pod.Namespace, pod.Name)
	keeper.verdict("a")("liveness", false, "")
	until(t, "drained", func() bool { return w.fake.ran(containerName(pod, "a", 0)+": drain") == 1 })
	until(t, "started again", func() bool { return w.fake.count(map[string]string{labelAttempt: "1"}) == 1 })
}

func TestAPodThatIsLeavingCanBeRead(t *testing.T) {
	w := started(t)
	pod := numbered(1)
	w.ready(t, pod)
	w.ledger.away(errors.New("so that it cannot go yet"))
	_ = w.DeletePod(background, pod)
	if _, err := w.keeper(pod.Namespace, pod.Name); err == nil {
		t.Error("upstream still knows it")
	}
	if found, err := w.anyKeeper(pod.Namespace, pod.Name); err != nil || found.pod().UID != pod.UID {
		t.Error(err)
	}
	w.ledger.away(nil)
	until(t, "gone", func() bool { _, err := w.anyKeeper(pod.Namespace, pod.Name); return err != nil })
}
