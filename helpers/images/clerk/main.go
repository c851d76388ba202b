// Clerk is a shop with a limit that is the same on every machine: it serves one customer at a time, by waiting and not by
// computing, so that an overload can be shown with almost no CPU.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until SIGTERM, and then for as long as proxies may still send somebody.
func run(getenv func(string) string) error {
	var err error
	milliseconds := func(name, byDefault string) time.Duration {
		n, fault := strconv.ParseUint(cmp.Or(getenv(name), byDefault), 10, 16)
		if fault != nil {
			err = fmt.Errorf("%s must be a whole number of milliseconds: %w", name, fault)
		}
		return time.Duration(n) * time.Millisecond
	}
	one := &clerk{service: milliseconds("SERVICE_MS", "100"), patience: milliseconds("PATIENCE_MS", "500")}
	drain := milliseconds("DRAIN_MS", "2000")
	if err != nil {
		return err
	}
	server := &http.Server{Addr: ":8080", Handler: shop(one, getenv), ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-ctx.Done()
		time.Sleep(drain)
		server.Close()
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// shop answers customers after their turn, with who served them; /readyz has no queue.
func shop(one *clerk, getenv func(string) string) http.Handler {
	body, _ := json.Marshal(map[string]string{"version": cmp.Or(getenv("VERSION"), "v1"), "pod": getenv("POD_NAME"), "node": getenv("NODE_NAME")})
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Storefront-Version", cmp.Or(getenv("VERSION"), "v1"))
		until, ok := one.turn(time.Now())
		if !ok {
			http.Error(w, "too many wait", http.StatusServiceUnavailable)
			return
		}
		select {
		case <-time.After(until):
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
	return mux
}
