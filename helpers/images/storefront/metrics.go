package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// metrics counts customer requests. Two counters and a gauge need no library.
type metrics struct {
	mu       sync.Mutex
	answered map[int]int64 // by status code
	inFlight int64
}

// newMetrics starts the usual codes at 0: a counter that appears only with its first error hides that error
// from rate().
func newMetrics() *metrics {
	return &metrics{answered: map[int]int64{200: 0, 500: 0}}
}

func (m *metrics) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight++
}

func (m *metrics) end(code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight--
	m.answered[code]++
}

// write prints the Prometheus text format. The version needs no escaping: see versionPattern.
func (m *metrics) write(w io.Writer, version string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintln(w, "# HELP storefront_requests_total Customer requests answered, by status code.")
	fmt.Fprintln(w, "# TYPE storefront_requests_total counter")
	for _, code := range slices.Sorted(maps.Keys(m.answered)) {
		fmt.Fprintf(w, "storefront_requests_total{code=\"%d\",version=\"%s\"} %d\n", code, version, m.answered[code])
	}
	fmt.Fprintln(w, "# HELP storefront_requests_in_flight Customer requests being served now.")
	fmt.Fprintln(w, "# TYPE storefront_requests_in_flight gauge")
	fmt.Fprintf(w, "storefront_requests_in_flight{version=\"%s\"} %d\n", version, m.inFlight)
}
