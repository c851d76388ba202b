package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve answers as Docker does, on a socket of its own.
func serve(t *testing.T, routes map[string]http.HandlerFunc) *Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return Open(socket)
}

func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

func TestErrorsKeepDockersWords(t *testing.T) {
	client := serve(t, map[string]http.HandlerFunc{
		"GET /containers/none/json":  says(404, `{"message":"No such container: none"}`),
		"POST /containers/create":    says(409, `{"message":"The name is taken"}`),
		"POST /containers/bad/start": says(500, `{"message":"exec: no such file"}`),
	})
	if _, err := client.Inspect(context.Background(), "none"); !errors.Is(err, ErrGone) {
		t.Errorf("inspect: %v", err)
	}
	if _, err := client.Create(context.Background(), "x", Form{}); !errors.Is(err, ErrExists) {
		t.Errorf("create: %v", err)
	}
	if err := client.Start(context.Background(), "bad"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("start: %v", err)
	}
}

func TestContainersAreChosenByEveryLabelAndSortedByAge(t *testing.T) {
	var filter string
	client := serve(t, map[string]http.HandlerFunc{
		"GET /containers/json": func(w http.ResponseWriter, r *http.Request) {
			filter = r.URL.Query().Get("filters")
			io.WriteString(w, `[{"Id":"young"},{"Id":"gone"},{"Id":"old"}]`)
		},
		"GET /containers/young/json": says(200, `{"Id":"young","Name":"/y","Created":"2026-01-02T00:00:00Z","State":{"Status":"exited","ExitCode":3}}`),
		"GET /containers/old/json":   says(200, `{"Id":"old","Created":"2026-01-01T00:00:00Z","NetworkSettings":{"Networks":{"kind":{"IPAddress":"172.18.0.9"}}}}`),
		"GET /containers/gone/json":  says(404, `{"message":"No such container"}`),
	})
	found, err := client.Containers(context.Background(), map[string]string{"a": "1", "b": "2"})
	if err != nil || len(found) != 2 || found[0].ID != "old" || found[1].State.ExitCode != 3 || found[1].Name != "y" {
		t.Fatalf("%v %v", found, err)
	}
	if found[0].Addresses["kind"] != "172.18.0.9" || filter != `{"label":["a=1","b=2"]}` {
		t.Errorf("%v %s", found[0].Addresses, filter)
	}
}

func frame(stream byte, text string) string {
	return string([]byte{stream, 0, 0, 0, 0, 0, 0, byte(len(text))}) + text
}

func TestStreamsAreTakenApart(t *testing.T) {
	var out, errs bytes.Buffer
	if err := split(strings.NewReader(frame(1, "yes")+frame(2, "no")+frame(1, "!")), &out, &errs); err != nil {
		t.Fatal(err)
	}
	if out.String() != "yes!" || errs.String() != "no" {
		t.Errorf("%q %q", out.String(), errs.String())
	}
	if err := split(strings.NewReader(frame(1, "cut")[:9]), &out, nil); err == nil {
		t.Error("a stream that ends in the middle is no error")
	}
}

func TestLogsAskForWhatKubectlAsks(t *testing.T) {
	client := serve(t, map[string]http.HandlerFunc{
		"GET /containers/c/logs": func(w http.ResponseWriter, r *http.Request) {
			query := r.URL.Query()
			io.WriteString(w, frame(1, query.Get("tail")+" "+query.Get("since")+" "+query.Get("follow")))
		},
	})
	logs, err := client.Logs(context.Background(), "c", LogOptions{Tail: 5, Since: time.Unix(7, 5), Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	if text, _ := io.ReadAll(logs); string(text) != "5 7.000000005 1" {
		t.Errorf("%q", text)
	}
}

func TestExecTalksBothWaysAndGivesTheExitCode(t *testing.T) {
	asked := 0
	client := serve(t, map[string]http.HandlerFunc{
		"POST /containers/c/exec": says(201, `{"Id":"e"}`),
		"GET /exec/e/json": func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked < 3 { // its output has ended, the command itself not quite
				io.WriteString(w, `{"Running":true,"ExitCode":null}`)
				return
			}
			io.WriteString(w, `{"ExitCode":4}`)
		},
		"POST /exec/e/start": func(w http.ResponseWriter, r *http.Request) {
			var start map[string]any
			json.NewDecoder(r.Body).Decode(&start)
			connection, both, _ := w.(http.Hijacker).Hijack()
			defer connection.Close()
			io.WriteString(connection, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
			asked, _ := io.ReadAll(both)
			io.WriteString(connection, frame(1, "got "+string(asked)))
		},
	})
	var out bytes.Buffer
	exec := Exec{Command: []string{"cat"}, Streams: Streams{In: strings.NewReader("hello"), Out: &out}}
	code, err := client.Exec(context.Background(), "c", exec)
	if err != nil || code != 4 || out.String() != "got hello" {
		t.Errorf("%d %v %q", code, err, out.String())
	}
}

func TestWorkingSetOnBothCgroupVersions(t *testing.T) {
	for _, one := range []struct {
		usage uint64
		stats map[string]uint64
		want  uint64
	}{
		{100, map[string]uint64{"total_inactive_file": 30, "inactive_file": 1}, 70},
		{100, map[string]uint64{"inactive_file": 40}, 60},
		{10, map[string]uint64{"inactive_file": 40}, 0},
	} {
		if got := workingSet(one.usage, one.stats); got != one.want {
			t.Errorf("%v: %d", one, got)
		}
	}
}
