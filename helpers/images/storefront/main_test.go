package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets a test start this very binary as the program.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_STOREFRONT") != "" {
		main()
	}
	os.Exit(m.Run())
}

// environ turns pairs into a getenv.
func environ(pairs ...string) func(string) string {
	values := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return func(name string) string { return values[name] }
}

// testShop is a shop as the environment makes it, with its log.
func testShop(t *testing.T, pairs ...string) (*shop, *bytes.Buffer) {
	t.Helper()
	s, err := readSettings(environ(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	return newShop(s, slog.New(slog.NewJSONHandler(log, nil))), log
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  []string
		want string
	}{
		{args: []string{"sell"}, want: `unknown command "sell"`},
		{args: []string{"get"}, want: "nothing to ask for"},
		{args: []string{"get", "-n", "0", "127.0.0.1"}, want: "-n must be from 1 to 10000, not 0"},
		{args: []string{"get", "-H", "nothing", "127.0.0.1"}, want: "'Name: value'"},
		{args: []string{"get", "-timeout", "0s", "127.0.0.1"}, want: "-timeout must be more than 0"},
		{args: []string{"resolve"}, want: "nothing to ask for"},
		{env: []string{"ERROR_RATE=2"}, want: `storefront: ERROR_RATE must be a number from 0 to 1, not "2"` + "\n"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(c.args, environ(c.env...), &stdout, &stderr); code != exitUsage {
			t.Errorf("%v %v: exit code %d, want %d", c.args, c.env, code, exitUsage)
		}
		if stdout.Len() > 0 || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%v %v: stdout %q, stderr %q, want %q", c.args, c.env, &stdout, &stderr, c.want)
		}
	}
}

// TestProcess checks what only a process shows: it does not listen before its start-up time is over, and SIGTERM
// ends it with exit code 0.
func TestProcess(t *testing.T) {
	port := freePort(t)
	began := time.Now()
	process := exec.Command(os.Args[0])
	process.Env = []string{"RUN_AS_STOREFRONT=1", "PORT=" + port, "STARTUP_SECONDS=0.3", "DRAIN_SECONDS=0.1"}
	var stdout bytes.Buffer
	process.Stdout = &stdout
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Process.Kill()
	eventually(t, "the port is open", func() bool {
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("listened after %v, before STARTUP_SECONDS were over", took)
	}
	process.Process.Signal(syscall.SIGTERM)
	if err := process.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	for _, event := range []string{"starting", "open", "draining", "closed"} {
		if !strings.Contains(stdout.String(), `"msg":"`+event+`"`) {
			t.Errorf("no event %q in the log:\n%s", event, &stdout)
		}
	}
}

func TestSigtermDuringStartUp(t *testing.T) {
	process := exec.Command(os.Args[0])
	process.Env = []string{"RUN_AS_STOREFRONT=1", "PORT=" + freePort(t), "STARTUP_SECONDS=600"}
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Process.Kill()
	stdout.Read(make([]byte, 1)) // the first line of the log: signals are caught now
	process.Process.Signal(syscall.SIGTERM)
	io.Copy(io.Discard, stdout)
	if err := process.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	var stdout, stderr bytes.Buffer
	if code := run(nil, environ("PORT="+port), &stdout, &stderr); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if !strings.Contains(stdout.String(), "address already in use") {
		t.Errorf("the log does not say why: %s", &stdout)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}
