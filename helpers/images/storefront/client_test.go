package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// call runs a client command and returns its exit code and what it printed.
func call(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, environ(), &out, &err)
	return code, out.String(), err.String()
}

func TestGet(t *testing.T) {
	s, _ := testShop(t, "VERSION=v2", "POD_NAME=p", "NAMESPACE=demo")
	server := httptest.NewServer(s)
	defer server.Close()
	code, out, _ := call("get", "-H", "foo: bar", "-H", "Host: www.example.com", server.URL+"/goods")
	want := `200 v2 {"app":"storefront","version":"v2","pod":"p","node":"","zone":"","namespace":"demo",` +
		`"method":"GET","host":"www.example.com","path":"/goods","headers":` +
		`{"Accept-Encoding":"gzip","Connection":"close","Foo":"bar","User-Agent":"Go-http-client/1.1"}}` + "\n"
	if code != exitOK || out != want {
		t.Errorf("exit code %d\ngot  %s\nwant %s", code, out, want)
	}
}

func TestGetRepeatsWithNewConnections(t *testing.T) {
	s, _ := testShop(t)
	server := httptest.NewUnstartedServer(s)
	var connections atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://") // without a scheme
	code, out, _ := call("get", "-n", "3", address+"/a", address+"/b")
	if code != exitOK || strings.Count(out, "\n") != 6 || connections.Load() != 6 {
		t.Errorf("exit code %d, %d connections, printed:\n%s", code, connections.Load(), out)
	}
}

func TestGetPrintsEveryResponse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/words":
			http.Error(w, "no such\n  page", 404)
		case "/moved":
			http.Redirect(w, r, "/words", 302)
		case "/json":
			w.Write([]byte("{\n  \"version\": \"v9\"\n}\n"))
		case "/empty":
			w.WriteHeader(503)
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/words": "404 ? no such page\n",
		"/moved": `302 ? <a href="/words">Found</a>.` + "\n",
		"/json":  `200 v9 {"version":"v9"}` + "\n",
		"/empty": "503 ? \n",
	} {
		if code, out, _ := call("get", server.URL+path); code != exitOK || out != want {
			t.Errorf("%s: exit code %d, printed %q, want %q", path, code, out, want)
		}
	}
}

func TestGetFailureDoesNotEndTheRest(t *testing.T) {
	s, _ := testShop(t)
	server := httptest.NewServer(s)
	defer server.Close()
	code, out, errors := call("get", "127.0.0.1:"+freePort(t), server.URL)
	if code != exitFailed || !strings.HasPrefix(out, "200 v1 ") || !strings.Contains(errors, "connection refused") {
		t.Errorf("exit code %d, printed %q, errors %q", code, out, errors)
	}
}

func TestGetTimeout(t *testing.T) {
	s, _ := testShop(t, "LATENCY_MS=30000")
	server := httptest.NewServer(s)
	defer server.Close()
	code, out, errors := call("get", "-timeout", "50ms", server.URL)
	if code != exitFailed || out != "" || !strings.Contains(errors, "exceeded") {
		t.Errorf("exit code %d, printed %q, errors %q", code, out, errors)
	}
}

func TestResolve(t *testing.T) {
	code, out, _ := call("resolve", "localhost", "127.0.0.2")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || !slices.Contains(lines, "localhost 127.0.0.1") || !slices.Contains(lines, "127.0.0.2 127.0.0.2") {
		t.Errorf("exit code %d, printed %q", code, out)
	}
}

func TestResolveFailure(t *testing.T) {
	code, out, errors := call("resolve", "no such name", "127.0.0.1")
	if code != exitFailed || out != "127.0.0.1 127.0.0.1\n" || !strings.Contains(errors, "no such host") {
		t.Errorf("exit code %d, printed %q, errors %q", code, out, errors)
	}
}

func TestHelp(t *testing.T) {
	if code, _, errors := call("get", "-h"); code != exitOK || !strings.Contains(errors, "usage: storefront get [-H") {
		t.Errorf("exit code %d, %q", code, errors)
	}
}
