package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	headerTimeout = 5 * time.Second
	// Reading ends a request as well as writing does, so both leave room for the longest latency knob.
	readTimeout  = 60 * time.Second
	writeTimeout = 60 * time.Second
	// Longer than proxies keep idle connections (Traefik 90 s, Nginx 60 s): the side that sends requests must
	// be the one that closes, or a request meets a connection that is just being closed.
	idleTimeout = 120 * time.Second
	// For requests under way when the drain is over. With DRAIN_SECONDS=5 that is well within the 30 s that
	// Kubernetes waits before it kills.
	shutdownTimeout = 15 * time.Second
	maxHeaderBytes  = 64 << 10

	// What Nginx logs when the client does not wait for the answer.
	statusClientGone = 499
)

// shop is the application: one for a process.
type shop struct {
	settings settings
	panel    panel
	metrics  *metrics
	draining atomic.Bool
	log      *slog.Logger
}

func newShop(s settings, log *slog.Logger) *shop {
	return &shop{settings: s, panel: panel{now: s.knobs}, metrics: newMetrics(), log: log}
}

// serve opens the shop once its start-up time is over and returns when ctx ends and the shop has been drained.
func (s *shop) serve(ctx context.Context) error {
	s.log.Info("starting", "startup_seconds", s.settings.startup.Seconds())
	if !sleep(ctx, s.settings.startup) {
		return nil // told to stop before it opened
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(s.settings.port)))
	if err != nil {
		return err
	}
	return s.serveOn(ctx, listener)
}

func (s *shop) serveOn(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	s.log.Info("open", "address", listener.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return s.close(server)
	}
}

// close is the graceful way out. Kubernetes takes the Pod out of the endpoints while it sends SIGTERM, and the
// proxies hear of it some time later: until then requests still come, and must be answered.
func (s *shop) close(server *http.Server) error {
	s.draining.Store(true)
	s.log.Info("draining", "drain_seconds", s.settings.drain.Seconds())
	sleep(context.Background(), s.settings.drain)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("requests were still under way %v after the drain", shutdownTimeout)
	}
	if err == nil {
		s.log.Info("closed")
	}
	return err
}

// ServeHTTP tells the paths of the operators from those of the customers, which are all others. (http.ServeMux
// would redirect paths such as //a, while the shop shows every path as it came.)
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Storefront-Version", s.settings.version)
	if s.draining.Load() {
		// Clients that keep connections open look for another Pod before this one hangs up.
		w.Header().Set("Connection", "close")
	}
	switch path := r.URL.Path; {
	case path == "/healthz":
		answerText(w, http.StatusOK, "alive")
	case path == "/readyz":
		s.readyz(w)
	case path == "/metrics":
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.metrics.write(w, s.settings.version)
	case strings.HasPrefix(path, "/admin/"):
		s.admin(w, r, strings.TrimPrefix(path, "/admin/"))
	default:
		s.customer(w, r)
	}
}

func (s *shop) readyz(w http.ResponseWriter) {
	switch {
	case s.draining.Load():
		answerText(w, http.StatusServiceUnavailable, "draining")
	case !s.panel.read().Ready:
		answerText(w, http.StatusServiceUnavailable, "not ready: switched off with /admin/ready")
	default:
		answerText(w, http.StatusOK, "ready")
	}
}

// admin turns a knob and answers with where all of them stand.
func (s *shop) admin(w http.ResponseWriter, r *http.Request, name string) {
	knob, known := knobsByName[name]
	if !known {
		answerText(w, http.StatusNotFound, "there are /admin/ready?on=, /admin/latency?ms= and /admin/errors?rate=")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		answerText(w, http.StatusMethodNotAllowed, "knobs are turned with POST")
		return
	}
	now, err := s.panel.turn(knob, r.URL.Query())
	if err != nil {
		answerText(w, http.StatusBadRequest, err.Error())
		return
	}
	s.log.Info("knob", "name", name, "ready", now.Ready, "latency_ms", now.LatencyMS, "error_rate", now.ErrorRate)
	answerJSON(w, http.StatusOK, now)
}

// customer serves, counts and logs one request.
func (s *shop) customer(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s.metrics.begin()
	code := s.attend(w, r)
	s.metrics.end(code)
	s.log.Info("request", "method", r.Method, "host", r.Host, "path", r.URL.Path, "status", code,
		"ms", float64(time.Since(began).Microseconds())/1000, "from", r.RemoteAddr)
}

// attend answers as the knobs stand when the request comes, and returns the status code.
func (s *shop) attend(w http.ResponseWriter, r *http.Request) int {
	now := s.panel.read()
	if !sleep(r.Context(), time.Duration(now.LatencyMS*float64(time.Millisecond))) {
		return statusClientGone
	}
	page := s.page(r)
	code := http.StatusOK
	if rand.Float64() < now.ErrorRate { // Float64 is below 1, so 1 always fails and 0 never does
		code = http.StatusInternalServerError
		page.Error = "this version fails on purpose, see ERROR_RATE"
	}
	answerJSON(w, code, page)
	return code
}

// page is the body of every answer to a customer.
type page struct {
	App       string            `json:"app"`
	Version   string            `json:"version"`
	Pod       string            `json:"pod"`
	Node      string            `json:"node"`
	Zone      string            `json:"zone"`
	Namespace string            `json:"namespace"`
	Method    string            `json:"method"`
	Host      string            `json:"host"`
	Path      string            `json:"path"`
	Headers   map[string]string `json:"headers"`
	Error     string            `json:"error,omitempty"`
}

func (s *shop) page(r *http.Request) page {
	headers := make(map[string]string, len(r.Header))
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ", ")
	}
	here := s.settings.place
	return page{
		App: "storefront", Version: s.settings.version,
		Pod: here.pod, Node: here.node, Zone: here.zone, Namespace: here.namespace,
		Method: r.Method, Host: r.Host, Path: cmp.Or(r.URL.Path, "/"), Headers: headers,
	}
}

func answerJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // a learner reads it, no browser
	_ = encoder.Encode(body)     // fails only when the client has gone
}

func answerText(w http.ResponseWriter, code int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintln(w, sentence)
}

// sleep waits for d and says whether it could sleep to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
