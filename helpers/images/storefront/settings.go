package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// settings is what the environment says at start. Only the knobs can change later.
type settings struct {
	version string
	port    int
	startup time.Duration // does not listen before
	drain   time.Duration // goes on serving after SIGTERM
	knobs   knobs
	place   place
}

// place is where this Pod runs, as the downward API tells it.
type place struct {
	pod, node, zone, namespace string
}

// Upper limits catch slips such as a latency in microseconds; the slowest answer must fit into writeTimeout.
const (
	maxLatencyMS = 30_000
	maxSeconds   = 600
)

// A version is a label value, so it can go unescaped into headers, logs and metrics.
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// readSettings reads the environment; a variable that is empty counts as not set.
// The error is one sentence that names the first variable that is wrong.
func readSettings(getenv func(string) string) (settings, error) {
	env := environment{getenv: getenv}
	s := settings{
		version: env.version("VERSION", "v1"),
		port:    int(env.whole("PORT", "8080", 1, 65535)),
		startup: env.seconds("STARTUP_SECONDS", "0"),
		drain:   env.seconds("DRAIN_SECONDS", "5"),
		knobs: knobs{
			Ready:     true,
			LatencyMS: env.number("LATENCY_MS", "0", 0, maxLatencyMS),
			ErrorRate: env.number("ERROR_RATE", "0", 0, 1),
		},
		place: place{
			pod:       cmp.Or(getenv("POD_NAME"), hostname()),
			node:      getenv("NODE_NAME"),
			zone:      getenv("ZONE"),
			namespace: getenv("NAMESPACE"),
		},
	}
	return s, env.err
}

// environment reads variables and keeps the first error, so that the reading itself stays a plain list.
type environment struct {
	getenv func(string) string
	err    error
}

func (e *environment) number(name, byDefault string, low, high float64) float64 {
	n, err := parseNumber(cmp.Or(e.getenv(name), byDefault), low, high)
	e.keep(name, err)
	return n
}

func (e *environment) whole(name, byDefault string, low, high int64) int64 {
	text := cmp.Or(e.getenv(name), byDefault)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		e.keep(name, fmt.Errorf("must be a whole number from %d to %d, not %q", low, high, text))
	}
	return n
}

func (e *environment) seconds(name, byDefault string) time.Duration {
	return time.Duration(e.number(name, byDefault, 0, maxSeconds) * float64(time.Second))
}

func (e *environment) version(name, byDefault string) string {
	text := cmp.Or(e.getenv(name), byDefault)
	if !versionPattern.MatchString(text) {
		e.keep(name, fmt.Errorf("must be up to 63 letters, digits, dots, dashes and underscores, such as v2, not %q", text))
	}
	return text
}

func (e *environment) keep(name string, err error) {
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("%s %w", name, err)
	}
}

// parseNumber reads a decimal within [low, high]. Its error goes on from the name of what was to be a number.
func parseNumber(text string, low, high float64) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if within := low <= n && n <= high; err != nil || !within { // NaN is not within
		return 0, fmt.Errorf("must be a number from %v to %v, not %q", low, high, text)
	}
	return n, nil
}

// hostname is the Pod's name too, unless the Pod has the network of its node.
func hostname() string {
	name, _ := os.Hostname()
	return name
}
