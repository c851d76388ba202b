// DNS-agent stands in for two things that ACK runs for its users:
//
//	dns-agent webhook        writes the node cache, or a sidecar, into new Pods (a mutating webhook)
//	dns-agent privatezone    publishes annotated Services as $svc.$ns in a hosts file, for a DNS server outside of the cluster
//
// What is decided is in pure functions: inject.go and zone.go. Settings come from the environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		slog.Error("dns-agent failed", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string) error {
	if len(args) != 1 {
		return errors.New("usage: dns-agent webhook | privatezone")
	}
	switch args[0] {
	case "webhook":
		return runWebhook(ctx, getenv)
	case "privatezone":
		return runPrivateZone(ctx, getenv)
	}
	return fmt.Errorf("there is no command %q; there are webhook and privatezone", args[0])
}
