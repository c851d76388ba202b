package main

import (
	"fmt"
	"net/url"
	"sync"
)

// knobs is what can be changed while the shop is open.
type knobs struct {
	Ready     bool    `json:"ready"`
	LatencyMS float64 `json:"latency_ms"`
	ErrorRate float64 `json:"error_rate"`
}

// knob says which query parameter of POST /admin/NAME sets it, and how.
type knob struct {
	parameter string
	set       func(*knobs, string) error
}

var knobsByName = map[string]knob{
	"ready": {"on", func(k *knobs, text string) error {
		if text != "true" && text != "false" {
			return fmt.Errorf("must be true or false, not %q", text)
		}
		k.Ready = text == "true"
		return nil
	}},
	"latency": {"ms", func(k *knobs, text string) (err error) {
		k.LatencyMS, err = parseNumber(text, 0, maxLatencyMS)
		return err
	}},
	"errors": {"rate", func(k *knobs, text string) (err error) {
		k.ErrorRate, err = parseNumber(text, 0, 1)
		return err
	}},
}

// panel holds the knobs for all requests.
type panel struct {
	mu  sync.Mutex
	now knobs
}

func (p *panel) read() knobs {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// turn sets one knob from the query and returns where all of them stand. A wrong value changes nothing.
func (p *panel) turn(k knob, query url.Values) (knobs, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.now
	if err := k.set(&next, query.Get(k.parameter)); err != nil {
		return p.now, fmt.Errorf("%s %w", k.parameter, err)
	}
	p.now = next
	return p.now, nil
}
