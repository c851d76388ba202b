// Storefront is the demo application of the course: a small web shop front that says which version of it
// answered, and where it runs. Without arguments it serves; the same binary is also a client, since its
// image holds nothing else:
//
//	storefront                                                  serve
//	storefront get [-H 'K: V'] [-n N] [-timeout 2s] URL...      send requests
//	storefront resolve [-timeout 5s] NAME...                    ask the DNS
//
// Exit codes: 0 all went well, 1 something failed, 2 it was called or configured wrongly.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is main without the process around it, so that tests can call it.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return runServer(getenv, stdout, stderr)
	}
	switch args[0] {
	case "get":
		return runGet(args[1:], stdout, stderr)
	case "resolve":
		return runResolve(args[1:], stdout, stderr)
	}
	fmt.Fprintf(stderr, "storefront: unknown command %q; there are get and resolve, and none at all to serve\n", args[0])
	return exitUsage
}

func runServer(getenv func(string) string, stdout, stderr io.Writer) int {
	settings, err := readSettings(getenv)
	if err != nil {
		fmt.Fprintf(stderr, "storefront: %v\n", err)
		return exitUsage
	}
	ctx, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer restore()
	// From the first signal on the default applies again: a second Ctrl-C does not wait for the drain.
	context.AfterFunc(ctx, restore)
	log := slog.New(slog.NewJSONHandler(stdout, nil)).With("version", settings.version)
	if err := newShop(settings, log).serve(ctx); err != nil {
		log.Error("failed", "error", err.Error())
		return exitFailed
	}
	return exitOK
}
