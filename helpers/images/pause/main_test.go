package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

const children = "PAUSE_WITH_CHILDREN"

// TestMain lets a test start this very binary as pause, with children that pause did not ask for.
func TestMain(m *testing.M) {
	if number, set := os.LookupEnv(children); set {
		haveChildren(number)
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// haveChildren starts processes that end soon, waits for none of them, and prints their ids.
func haveChildren(number string) {
	n, _ := strconv.Atoi(number)
	for range n {
		pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "0.1"}, nil)
		if err != nil {
			panic(err)
		}
		fmt.Println(pid)
	}
	fmt.Println("started")
}

func TestReapsZombiesUntilASignalEndsIt(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		pause, pids := start(t, 5)
		if len(pids) != 5 {
			t.Fatalf("%d children were started", len(pids))
		}
		for _, pid := range pids {
			waitUntilGone(t, pid)
		}
		pause.Process.Signal(signal)
		if err := pause.Wait(); err != nil {
			t.Errorf("after %v: %v", signal, err)
		}
	}
}

// start runs pause and returns it with the ids of its children.
func start(t *testing.T, number int) (pause *exec.Cmd, pids []string) {
	t.Helper()
	pause = exec.Command(os.Args[0])
	pause.Env = []string{fmt.Sprintf("%s=%d", children, number)}
	out, err := pause.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := pause.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pause.Process.Kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "started" {
		pids = append(pids, lines.Text())
	}
	return pause, pids
}

// waitUntilGone waits until a process has been reaped: a zombie still has its folder in /proc.
func waitUntilGone(t *testing.T, pid string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			return
		}
	}
	t.Fatalf("process %s has not been reaped within 5 s", pid)
}
