package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ask sends a request to the shop without a network.
func ask(s *shop, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestAnswer(t *testing.T) {
	s, _ := testShop(t, "VERSION=v2", "POD_NAME=shop-1", "NODE_NAME=worker", "ZONE=cn-hangzhou-h", "NAMESPACE=demo")
	r := httptest.NewRequest("GET", "http://www.example.com/goods?id=7", nil)
	r.Header.Set("Foo", "bar")
	r.Header.Add("X-Two", "a")
	r.Header.Add("X-Two", "b")
	r.AddCookie(&http.Cookie{Name: "foo", Value: "bar"})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("X-Storefront-Version") != "v2" || w.Header().Get("Connection") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	want := `{"app":"storefront","version":"v2","pod":"shop-1","node":"worker","zone":"cn-hangzhou-h",` +
		`"namespace":"demo","method":"GET","host":"www.example.com","path":"/goods",` +
		`"headers":{"Cookie":"foo=bar","Foo":"bar","X-Two":"a, b"}}` + "\n"
	if w.Body.String() != want {
		t.Errorf("got  %s\nwant %s", w.Body, want)
	}
}

func TestEveryPathAndMethodIsServed(t *testing.T) {
	s, _ := testShop(t)
	for _, target := range []string{"/", "//double", "/a/../b", "/adminx", "/healthz/", "/<b>"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			var got page
			w := ask(s, method, "http://shop"+target)
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
				t.Fatalf("%s %s: %d %v", method, target, w.Code, err)
			}
			if got.Path != target || got.Method != method {
				t.Errorf("%s %s: answered %s %s", method, target, got.Method, got.Path)
			}
		}
	}
}

func TestErrorRateOneAndZero(t *testing.T) {
	for rate, want := range map[string]int{"1": 500, "0": 200} {
		s, _ := testShop(t, "ERROR_RATE="+rate)
		for range 200 {
			w := ask(s, "GET", "/")
			if w.Code != want || w.Header().Get("X-Storefront-Version") != "v1" {
				t.Fatalf("rate %s: %d %v", rate, w.Code, w.Header())
			}
		}
	}
}

func TestErrorRateBetween(t *testing.T) {
	s, _ := testShop(t, "ERROR_RATE=0.5")
	failed := 0
	for range 1000 {
		if ask(s, "GET", "/").Code == 500 {
			failed++
		}
	}
	if failed < 400 || failed > 600 { // six standard deviations
		t.Errorf("%d of 1000 failed", failed)
	}
}

// Probes and operators are served as fast and as surely as ever, or a knob would restart the Pod.
func TestKnobsSpareTheOperators(t *testing.T) {
	s, log := testShop(t, "ERROR_RATE=1", "LATENCY_MS=30000")
	for _, target := range []string{"/healthz", "/readyz", "/metrics"} {
		if w := ask(s, "GET", target); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := ask(s, "POST", "/admin/latency?ms=0"); w.Code != 200 {
		t.Errorf("/admin: %d", w.Code)
	}
	if strings.Contains(log.String(), `"msg":"request"`) {
		t.Errorf("logged as a request: %s", log)
	}
	if got := ask(s, "GET", "/metrics").Body.String(); strings.Contains(got, "} 1") {
		t.Errorf("counted as a request:\n%s", got)
	}
}

func TestLatency(t *testing.T) {
	s, _ := testShop(t, "LATENCY_MS=40")
	began := time.Now()
	ask(s, "GET", "/")
	if took := time.Since(began); took < 40*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestClientThatDoesNotWait(t *testing.T) {
	s, _ := testShop(t, "LATENCY_MS=30000")
	server := httptest.NewServer(s)
	defer server.Close()
	client := http.Client{Timeout: 50 * time.Millisecond}
	if _, err := client.Get(server.URL); err == nil {
		t.Fatal("got an answer")
	}
	eventually(t, "counted as 499", func() bool {
		return strings.Contains(ask(s, "GET", "/metrics").Body.String(), `{code="499",version="v1"} 1`)
	})
}

func TestAdmin(t *testing.T) {
	s, log := testShop(t)
	for _, c := range []struct {
		method, target string
		code           int
		want           string
	}{
		{"POST", "/admin/latency?ms=20", 200, `{"ready":true,"latency_ms":20,"error_rate":0}`},
		{"POST", "/admin/errors?rate=0.25", 200, `{"ready":true,"latency_ms":20,"error_rate":0.25}`},
		{"POST", "/admin/ready?on=false", 200, `{"ready":false,"latency_ms":20,"error_rate":0.25}`},
		{"POST", "/admin/ready?on=no", 400, `on must be true or false, not "no"`},
		{"POST", "/admin/errors", 400, `rate must be a number from 0 to 1, not ""`},
		{"POST", "/admin/latency?ms=-1", 400, `ms must be a number from 0 to 30000, not "-1"`},
		{"GET", "/admin/ready?on=true", 405, "POST"},
		{"POST", "/admin/price?on=true", 404, "/admin/latency?ms="},
		{"POST", "/admin/ready/?on=true", 404, "/admin/latency?ms="},
		{"POST", "/admin/errors?rate=0", 200, `{"ready":false,"latency_ms":20,"error_rate":0}`}, // the rest did nothing
	} {
		w := ask(s, c.method, c.target)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.target, w.Code, w.Body, c.code, c.want)
		}
	}
	if n := strings.Count(log.String(), `"msg":"knob"`); n != 4 {
		t.Errorf("%d turns of a knob in the log, want 4:\n%s", n, log)
	}
}

func TestReady(t *testing.T) {
	s, _ := testShop(t)
	for _, step := range []struct {
		turn string
		want int
	}{{"", 200}, {"false", 503}, {"true", 200}} {
		if step.turn != "" {
			ask(s, "POST", "/admin/ready?on="+step.turn)
		}
		if got := ask(s, "GET", "/readyz").Code; got != step.want {
			t.Errorf("after %q: %d, want %d", step.turn, got, step.want)
		}
		if got := ask(s, "GET", "/healthz").Code; got != 200 {
			t.Errorf("after %q not alive: %d", step.turn, got)
		}
	}
}

func TestMetrics(t *testing.T) {
	s, _ := testShop(t, "VERSION=v3")
	ask(s, "GET", "/")
	ask(s, "GET", "/goods")
	ask(s, "POST", "/admin/errors?rate=1")
	ask(s, "GET", "/")
	w := ask(s, "GET", "/metrics")
	want := `# HELP storefront_requests_total Customer requests answered, by status code.
# TYPE storefront_requests_total counter
storefront_requests_total{code="200",version="v3"} 2
storefront_requests_total{code="500",version="v3"} 1
# HELP storefront_requests_in_flight Customer requests being served now.
# TYPE storefront_requests_in_flight gauge
storefront_requests_in_flight{version="v3"} 0
`
	if w.Body.String() != want || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("got  %s\nwant %s\n%v", w.Body, want, w.Header())
	}
}

func TestRequestLog(t *testing.T) {
	s, log := testShop(t, "ERROR_RATE=1")
	ask(s, "GET", "http://www.example.com/goods?id=7")
	var line struct {
		Msg, Method, Host, Path, From string
		Status                        int
		MS                            *float64
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	if line.Msg != "request" || line.Method != "GET" || line.Host != "www.example.com" || line.Path != "/goods" ||
		line.Status != 500 || line.MS == nil || line.From == "" {
		t.Errorf("unexpected line: %s", log)
	}
}

// open runs the shop on a port of this machine. stop is its SIGTERM; done gives what serve returned.
func open(t *testing.T, s *shop) (url string, stop context.CancelFunc, done <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	result := make(chan error, 1)
	go func() { result <- s.serveOn(ctx, listener) }()
	return fmt.Sprintf("http://%s", listener.Addr()), stop, result
}

func TestDrain(t *testing.T) {
	s, _ := testShop(t, "DRAIN_SECONDS=0.4")
	url, stop, done := open(t, s)
	if response, _ := get(t, url+"/readyz"); response.StatusCode != 200 {
		t.Fatalf("readyz before: %d", response.StatusCode)
	}
	told := time.Now()
	stop()
	eventually(t, "readyz says 503", func() bool {
		response, _ := get(t, url+"/readyz")
		return response.StatusCode == 503
	})
	if took := time.Since(told); took > 200*time.Millisecond {
		t.Errorf("readyz took %v to say 503", took)
	}
	response, body := get(t, url+"/goods")
	if response.StatusCode != 200 || !response.Close {
		t.Errorf("while draining: %d, connection closed: %v, %s", response.StatusCode, response.Close, body)
	}
	if response, _ := get(t, url+"/healthz"); response.StatusCode != 200 {
		t.Errorf("not alive while draining: %d", response.StatusCode)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(told); took < 400*time.Millisecond {
		t.Errorf("closed after %v, before DRAIN_SECONDS were over", took)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("still open after the drain")
	}
}

func TestRequestUnderWayIsFinished(t *testing.T) {
	s, _ := testShop(t, "DRAIN_SECONDS=0", "LATENCY_MS=300")
	url, stop, done := open(t, s)
	answer := make(chan error, 1)
	go func() {
		response, err := http.Get(url)
		if err == nil && response.StatusCode != 200 {
			err = fmt.Errorf("status %d", response.StatusCode)
		}
		answer <- err
	}()
	eventually(t, "the request is under way", func() bool {
		return strings.Contains(ask(s, "GET", "/metrics").Body.String(), `in_flight{version="v1"} 1`)
	})
	stop()
	if err := <-answer; err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
