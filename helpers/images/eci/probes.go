package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// counter turns single answers into a verdict: so many in a row, as the probe's thresholds say.
type counter struct {
	good bool
	row  int32 // answers in a row that speak against the verdict
}

// record tells whether the verdict has changed.
func (c *counter) record(ok bool, probe corev1.Probe) bool {
	if ok == c.good {
		c.row = 0
		return false
	}
	threshold := max(probe.FailureThreshold, 1)
	if ok {
		threshold = max(probe.SuccessThreshold, 1)
	}
	if c.row++; c.row < threshold {
		return false
	}
	c.good, c.row = ok, 0
	return true
}

// period, timeout and first wait have the API server's defaults already, but for a Pod made by hand in a test.
func period(probe corev1.Probe) time.Duration {
	return time.Duration(max(probe.PeriodSeconds, 1)) * time.Second
}

func timeout(probe corev1.Probe) time.Duration {
	return time.Duration(max(probe.TimeoutSeconds, 1)) * time.Second
}

// prober asks a container's three probes for as long as one attempt of it runs.
type prober struct {
	container corev1.Container
	ask       func(context.Context, corev1.ProbeHandler) (ok bool, words string)
	tell      func(kind string, good bool, words string)
	failed    func(kind, words string) // each single failure, for the event
}

// run asks startup first, until it is content; then liveness and readiness side by side.
func (p prober) run(ctx context.Context, started bool) {
	if probe := p.container.StartupProbe; probe != nil && !started {
		if !p.watch(ctx, "startup", *probe, false, true) {
			return
		}
	}
	if probe := p.container.LivenessProbe; probe != nil {
		go p.watch(ctx, "liveness", *probe, true, false)
	}
	if probe := p.container.ReadinessProbe; probe != nil {
		p.watch(ctx, "readiness", *probe, false, false)
	}
}

// watch asks one probe again and again. once: it ends with the first good verdict, and tells of the first bad one too.
func (p prober) watch(ctx context.Context, kind string, probe corev1.Probe, initially, once bool) bool {
	verdict := counter{good: initially}
	failures := int32(0)
	if !sleep(ctx, time.Duration(probe.InitialDelaySeconds)*time.Second) {
		return false
	}
	for {
		ok, words := p.once(ctx, probe)
		if ctx.Err() != nil {
			return false
		}
		if !ok {
			p.failed(kind, words)
		}
		changed := verdict.record(ok, probe)
		if changed {
			p.tell(kind, verdict.good, words)
		}
		if once && verdict.good {
			return true
		}
		// A startup probe begins with a bad verdict, so its failures are counted apart.
		if failures++; once && failures >= max(probe.FailureThreshold, 1) {
			p.tell(kind, false, words)
			return false
		}
		if !sleep(ctx, period(probe)) {
			return false
		}
	}
}

func (p prober) once(ctx context.Context, probe corev1.Probe) (bool, string) {
	ctx, cancel := context.WithTimeout(ctx, timeout(probe))
	defer cancel()
	return p.ask(ctx, probe.ProbeHandler)
}

func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// asker asks a handler of a probe or of a life-cycle hook at an address.
type asker struct {
	address   string
	container corev1.Container
	exec      func(ctx context.Context, command []string) (code int, output string, err error)
}

func (a asker) probe(ctx context.Context, handler corev1.ProbeHandler) (bool, string) {
	switch {
	case handler.Exec != nil:
		return a.execProbe(ctx, handler.Exec.Command)
	case handler.HTTPGet != nil:
		return a.httpProbe(ctx, *handler.HTTPGet)
	case handler.TCPSocket != nil:
		return a.tcpProbe(ctx, *handler.TCPSocket)
	}
	return false, "this kind of probe is not supported"
}

func (a asker) execProbe(ctx context.Context, command []string) (bool, string) {
	code, output, err := a.exec(ctx, command)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return false, "command timed out: " + strings.Join(command, " ")
	}
	if err != nil {
		return false, err.Error()
	}
	return code == 0, output
}

// keepNothing: each probe is a connection of its own, and a certificate is not checked, as with the kubelet.
var probeClient = http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (a asker) httpProbe(ctx context.Context, get corev1.HTTPGetAction) (bool, string) {
	port, err := a.port(get.Port)
	if err != nil {
		return false, err.Error()
	}
	scheme, host := "http", a.address
	if get.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	if get.Host != "" {
		host = get.Host
	}
	url := fmt.Sprintf("%s://%s/%s", scheme, net.JoinHostPort(host, strconv.Itoa(port)), strings.TrimPrefix(get.Path, "/"))
	asked, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return false, err.Error()
	}
	asked.Header.Set("User-Agent", "kube-probe/1.36")
	for _, header := range get.HTTPHeaders {
		if strings.EqualFold(header.Name, "Host") {
			asked.Host = header.Value
		}
		asked.Header.Add(header.Name, header.Value)
	}
	answer, err := probeClient.Do(asked)
	if err != nil {
		return false, fmt.Sprintf("Get %q: %v", url, errors.Unwrap(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 10<<10))
	return answer.StatusCode >= 200 && answer.StatusCode < 400, fmt.Sprintf("HTTP probe failed with statuscode: %d", answer.StatusCode)
}

func (a asker) tcpProbe(ctx context.Context, socket corev1.TCPSocketAction) (bool, string) {
	port, err := a.port(socket.Port)
	if err != nil {
		return false, err.Error()
	}
	host := a.address
	if socket.Host != "" {
		host = socket.Host
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false, err.Error()
	}
	connection.Close()
	return true, ""
}

// port is a number, or the name of one of the container's ports.
func (a asker) port(port intstr.IntOrString) (int, error) {
	if port.Type == intstr.Int {
		return port.IntValue(), nil
	}
	for _, one := range a.container.Ports {
		if one.Name == port.StrVal {
			return int(one.ContainerPort), nil
		}
	}
	return 0, fmt.Errorf("couldn't find port: %s", port.StrVal)
}
