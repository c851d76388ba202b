package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
)

// What the provider watches all the time: Docker's events, the spot market, and Pods whose deletion nobody told us of.

// followDocker nudges the keeper of each container that started or ended. After a break everyone looks again.
func (p *Provider) followDocker(ctx context.Context) {
	for wait := time.Second; ctx.Err() == nil; {
		events, err := p.docker.Events(ctx, p.ownerLabels())
		if err != nil {
			sleep(ctx, wait)
			wait = min(2*wait, 10*time.Second)
			continue
		}
		wait = time.Second
		for _, one := range p.all() {
			one.nudge()
		}
		for event := range events {
			p.nudge(event.Labels[labelPod], event.Labels[labelUID])
		}
	}
}

func (p *Provider) nudge(key, uid string) {
	p.lock.Lock()
	keeper := p.keepers[key]
	p.lock.Unlock()
	if keeper != nil && string(keeper.pod().UID) == uid {
		keeper.nudge()
	}
}

// sweep retires Pods that the API has not any more. Upstream misses those that were deleted while the API was away.
func (p *Provider) sweep(ctx context.Context) {
	for sleep(ctx, 15*time.Second) {
		for _, one := range p.all() {
			pod := one.pod()
			current, err := p.pods.Pods(pod.Namespace).Get(pod.Name)
			if errors.IsNotFound(err) || (err == nil && current.UID != pod.UID) {
				p.retire(one, 0)
			}
		}
	}
}

// watchMarket compares price and stock for one spot instance, gives notice, and takes it back. It looks at the clock each
// second, since somebody may make that faster.
func (k *Keeper) watchMarket(ctx context.Context) {
	for compared := time.Now(); sleep(k.work, time.Second) && ctx.Err() == nil && !k.isOver(); {
		market, clock := k.p.market()
		if time.Now().Before(clock.nextCheck(k.since(), compared)) {
			continue
		}
		compared = time.Now()
		why := market.refuses(k.bid, k.size)
		if why == "" {
			continue
		}
		k.p.event(k.pod(), corev1.EventTypeWarning, "SpotToBeReleased", "Spot instance will be released in %s: %s", clock.Notice, why)
		if sleep(k.work, clock.Notice) && !k.isOver() {
			k.fail("Expired", "The spot instance was released: "+why)
		}
		return
	}
}

// isOver: a Pod that has come to its end by itself has given its instance back.
func (k *Keeper) isOver() bool {
	phase := k.statusNow().Phase
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

// since is when the instance was made; a restart of ours begins no new hour.
func (k *Keeper) since() time.Time {
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.view.Sandbox == nil {
		return time.Now()
	}
	return k.view.Sandbox.Created
}
