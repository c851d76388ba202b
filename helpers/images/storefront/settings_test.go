package main

import (
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	s, err := readSettings(environ())
	if err != nil {
		t.Fatal(err)
	}
	if s.version != "v1" || s.port != 8080 || s.startup != 0 || s.drain != 5*time.Second {
		t.Errorf("unexpected defaults: %+v", s)
	}
	if s.knobs != (knobs{Ready: true}) {
		t.Errorf("unexpected knobs: %+v", s.knobs)
	}
	if s.place.pod != hostname() {
		t.Errorf("the Pod is called %q, want the host name %q", s.place.pod, hostname())
	}
}

func TestEnvironment(t *testing.T) {
	s, err := readSettings(environ("VERSION=v2.1-rc_1", "PORT=80", "STARTUP_SECONDS=1.5", "DRAIN_SECONDS=0",
		"LATENCY_MS=30000", "ERROR_RATE=0.05", "POD_NAME=p", "NODE_NAME=n", "ZONE=z", "NAMESPACE=s"))
	if err != nil {
		t.Fatal(err)
	}
	want := settings{version: "v2.1-rc_1", port: 80, startup: 1500 * time.Millisecond,
		knobs: knobs{Ready: true, LatencyMS: 30000, ErrorRate: 0.05},
		place: place{pod: "p", node: "n", zone: "z", namespace: "s"}}
	if s != want {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestWrongEnvironment(t *testing.T) {
	for pair, want := range map[string]string{
		"VERSION=v 2":        `VERSION must be up to 63 letters, digits, dots, dashes and underscores, such as v2, not "v 2"`,
		"VERSION=-v2":        `VERSION must be up to 63`,
		"PORT=0":             `PORT must be a whole number from 1 to 65535, not "0"`,
		"PORT=http":          `not "http"`,
		"PORT=8080.5":        `not "8080.5"`,
		"ERROR_RATE=1.01":    `ERROR_RATE must be a number from 0 to 1, not "1.01"`,
		"ERROR_RATE=-0.1":    `not "-0.1"`,
		"ERROR_RATE=NaN":     `not "NaN"`,
		"ERROR_RATE=5%":      `not "5%"`,
		"LATENCY_MS=1e9":     `LATENCY_MS must be a number from 0 to 30000, not "1e9"`,
		"LATENCY_MS=100ms":   `not "100ms"`,
		"STARTUP_SECONDS=-1": `STARTUP_SECONDS must be a number from 0 to 600, not "-1"`,
		"DRAIN_SECONDS=Inf":  `DRAIN_SECONDS must be a number from 0 to 600, not "Inf"`,
		"DRAIN_SECONDS=5m":   `not "5m"`,
	} {
		_, err := readSettings(environ(pair))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", pair, err, want)
		}
	}
}

func TestOnlyTheFirstWrongVariableIsNamed(t *testing.T) {
	_, err := readSettings(environ("PORT=x", "ERROR_RATE=y"))
	if err == nil || !strings.HasPrefix(err.Error(), "PORT ") || strings.Contains(err.Error(), "ERROR_RATE") {
		t.Errorf("got %v", err)
	}
}
