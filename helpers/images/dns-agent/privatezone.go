package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const every = time.Second

// runPrivateZone keeps the hosts file ZONE_FILE as the cluster is. If the cluster can't be asked, the file stays.
func runPrivateZone(ctx context.Context, getenv func(string) string) error {
	file := getenv("ZONE_FILE")
	if file == "" {
		return errors.New("ZONE_FILE must be set")
	}
	kube, err := newAPI(getenv)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := publishOnce(ctx, kube, file); err != nil && ctx.Err() == nil {
			slog.Warn("the zone stays as it is", "error", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	return nil
}

func publishOnce(ctx context.Context, kube *api, file string) error {
	var services struct{ Items []service }
	var all struct{ Items []endpointSlice }
	if err := kube.get(ctx, "/api/v1/services?resourceVersion=0", &services); err != nil {
		return err
	}
	if err := kube.get(ctx, "/apis/discovery.k8s.io/v1/endpointslices?resourceVersion=0", &all); err != nil {
		return err
	}
	return write(file, hosts(records(services.Items, all.Items)))
}

// write replaces the file in one step, so that the DNS server never reads half of it, and only if it differs.
func write(file, text string) error {
	before, err := os.ReadFile(file)
	if err == nil && string(before) == text {
		return nil
	}
	next := filepath.Join(filepath.Dir(file), "."+filepath.Base(file))
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		return err
	}
	slog.Info("the zone has changed", "records", text)
	return os.Rename(next, file)
}
