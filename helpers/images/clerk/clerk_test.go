package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

const service, patience = 100 * time.Millisecond, 250 * time.Millisecond

func TestCustomersAreServedOneAfterTheOther(t *testing.T) {
	one, now := &clerk{service: service, patience: patience}, time.Now()
	for n, wanted := range []time.Duration{100, 200, 300} {
		if until, ok := one.turn(now); !ok || until != wanted*time.Millisecond {
			t.Errorf("customer %d: %v, %v", n, until, ok)
		}
	}
	if _, ok := one.turn(now); ok {
		t.Error("the fourth would wait for 300 ms, and was let in")
	}
}

func TestTheLimitIsARate(t *testing.T) {
	one, now, served := &clerk{service: service, patience: patience}, time.Now(), 0
	for n := range 400 { // 40 a second for 10 s, of which 10 a second are served
		if _, ok := one.turn(now.Add(time.Duration(n) * 25 * time.Millisecond)); ok {
			served++
		}
	}
	if served < 100 || served > 103 {
		t.Errorf("served %d", served)
	}
}

func TestACustomerThatIsSentAwayHears503(t *testing.T) {
	handler := shop(&clerk{service: time.Millisecond, patience: 0, free: time.Now().Add(time.Hour)}, func(string) string { return "" })
	for path, wanted := range map[string]int{"/": 503, "/readyz": 200} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != wanted {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
}

func TestASettingThatIsNoNumberIsRefused(t *testing.T) {
	if err := run(func(name string) string { return "soon" }); err == nil {
		t.Error("SERVICE_MS=soon was taken")
	}
}
