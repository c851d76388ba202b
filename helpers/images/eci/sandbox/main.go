// Sandbox is the first container of each ECI instance. It owns the instance's address: the others join its network.
//
//	sandbox                       set the routes and write the files that it is told to, then hold the namespaces until SIGTERM
//	sandbox routes "NET via GW,…" set routes again, when nodes came or went
//	sandbox dial PORT             join standard input and output with a port of the instance (kubectl port-forward)
//
// It is a program of its own, and small, since it runs once per Pod.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) == 0 {
		return hold()
	}
	if len(words) == 2 && words[0] == "routes" {
		return setRoutes(words[1])
	}
	if len(words) == 2 && words[0] == "dial" {
		return dial(words[1])
	}
	return fmt.Errorf("unknown command: %q", words)
}

func hold() error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	if err := write("/etc/resolv.conf", os.Getenv("ACPLAB_RESOLV_CONF"), os.O_TRUNC); err != nil {
		return err
	}
	// Docker has written the instance's own name and address there.
	if err := write("/etc/hosts", os.Getenv("ACPLAB_HOSTS"), os.O_APPEND); err != nil {
		return err
	}
	if err := setRoutes(os.Getenv("ACPLAB_ROUTES")); err != nil {
		return err
	}
	reap() // what ended before we listened
	for s := range signals {
		if s != syscall.SIGCHLD {
			return nil
		}
		reap()
	}
	return nil
}

// write keeps the file's inode: Docker has mounted it into every container that joins.
func write(file, text string, how int) error {
	if text == "" {
		return nil
	}
	open, err := os.OpenFile(file, os.O_WRONLY|how, 0o644)
	if err != nil {
		return err
	}
	defer open.Close()
	_, err = open.WriteString(text)
	return err
}

// reap collects orphans of a Pod that shares its process namespace.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 && err != syscall.EINTR {
			return
		}
	}
}

func dial(port string) error {
	connection, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	defer connection.Close()
	go func() {
		_, _ = io.Copy(connection, os.Stdin)
		_ = connection.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, connection)
	return err
}
