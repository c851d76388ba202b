package main

import (
	"sort"
	"strconv"
	"time"

	"acplab.local/eci/docker"
)

// View is what Docker has of one Pod.
type View struct {
	Sandbox  *docker.Container
	attempts map[string][]Attempt // by container, oldest first
}

// Attempt is one of the containers that a container of the Pod has been: each restart makes a new one.
type Attempt struct {
	docker.Container
	Number  int
	Crashes int
}

// ran is how long it did.
func (a Attempt) ran() time.Duration { return a.State.FinishedAt.Sub(a.State.StartedAt) }

// viewOf sorts Docker's containers by what their labels say.
func viewOf(containers []docker.Container) View {
	view := View{attempts: map[string][]Attempt{}}
	for _, one := range containers {
		switch one.Labels[labelRole] {
		case "sandbox":
			view.Sandbox = &one
		case "container":
			name := one.Labels[labelContainer]
			view.attempts[name] = append(view.attempts[name], attemptOf(one))
		}
	}
	for _, attempts := range view.attempts {
		sort.Slice(attempts, func(i, j int) bool { return attempts[i].Number < attempts[j].Number })
	}
	return view
}

func attemptOf(one docker.Container) Attempt {
	number, _ := strconv.Atoi(one.Labels[labelAttempt])
	crashes, _ := strconv.Atoi(one.Labels[labelCrashes])
	return Attempt{one, number, crashes}
}

// current is the newest attempt of a container, nil before the first one.
func (v View) current(name string) *Attempt { return v.last(name, 1) }

// previous is the attempt before, if Docker still has it.
func (v View) previous(name string) *Attempt { return v.last(name, 2) }

func (v View) last(name string, back int) *Attempt {
	attempts := v.attempts[name]
	if len(attempts) < back {
		return nil
	}
	return &attempts[len(attempts)-back]
}

// stale are attempts that nobody asks for any more: all but the last two.
func (v View) stale() []Attempt {
	var old []Attempt
	for _, attempts := range v.attempts {
		if len(attempts) > 2 {
			old = append(old, attempts[:len(attempts)-2]...)
		}
	}
	return old
}

// address of the Pod on the Docker network.
func (v View) address(network string) string {
	if v.Sandbox == nil {
		return ""
	}
	return v.Sandbox.Addresses[network]
}
