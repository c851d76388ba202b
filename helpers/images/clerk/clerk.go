package main

import (
	"sync"
	"time"
)

// clerk serves one customer at a time, each for the same time, and lets others wait only so long.
type clerk struct {
	service  time.Duration // for each customer
	patience time.Duration // a customer that would have to wait longer is sent away

	mu   sync.Mutex
	free time.Time // when the last of those that wait will have been served
}

// turn takes a customer that comes now, and says how long until it has been served; ok is false for one that is sent away.
//
// What counts is when the clerk would be done, not when a sleep has ended: so a busy machine changes no limit.
func (c *clerk) turn(now time.Time) (until time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	begins := now
	if c.free.After(now) {
		begins = c.free
	}
	if begins.Sub(now) > c.patience {
		return 0, false
	}
	c.free = begins.Add(c.service)
	return c.free.Sub(now), true
}
