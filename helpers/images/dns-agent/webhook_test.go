package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func testWebhook() webhook {
	return webhook{"172.21.0.10", "coredns:1", func(_ context.Context, name string) (found namespace, err error) {
		if name == "lost" {
			return found, errors.New("the API server does not answer")
		}
		found.Metadata.Name = name
		if name == "shop" {
			found.Metadata.Labels = map[string]string{optOut: "enabled"}
		}
		return found, nil
	}}
}

func ask(t *testing.T, path, object string) *httptest.ResponseRecorder {
	t.Helper()
	out := httptest.NewRecorder()
	testWebhook().handler().ServeHTTP(out, httptest.NewRequest(http.MethodPost, path, strings.NewReader(object)))
	return out
}

func reviewOf(namespace, object string) string {
	return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u1","namespace":"` + namespace + `","object":` + object + `}}`
}

func TestAnswers(t *testing.T) {
	plain, sidecar := `{"spec":{"dnsPolicy":"ClusterFirst"}}`, `{"metadata":{"annotations":{"annotation.jst.com/sidecar-dns-enable":"on"}},"spec":{}}`
	for name, one := range map[string]struct {
		path, namespace, object string
		patched, warned         bool
	}{
		"injected":              {"/node-local", "shop", plain, true, false},
		"another namespace":     {"/node-local", "other", plain, false, false},
		"no answer of the API":  {"/node-local", "lost", plain, false, true},
		"sidecar, not cache":    {"/node-local", "shop", sidecar, false, false},
		"sidecar":               {"/sidecar", "other", sidecar, true, false},
		"no sidecar wanted":     {"/sidecar", "shop", plain, false, false},
		"a setting of nonsense": {"/sidecar", "shop", `{"metadata":{"annotations":{"annotation.jst.com/sidecar-dns-enable":"on","annotation.jst.com/sidecar-dns-limit":"x"}}}`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var said review
			out := ask(t, one.path, reviewOf(one.namespace, one.object))
			if err := json.Unmarshal(out.Body.Bytes(), &said); err != nil || said.Response == nil {
				t.Fatal(out.Body, err)
			}
			got := said.Response
			if !got.Allowed || got.UID != "u1" || said.Kind != "AdmissionReview" || said.APIVersion != "admission.k8s.io/v1" {
				t.Errorf("got %+v", said)
			}
			if (len(got.Patch) > 0) != one.patched || (got.PatchType == "JSONPatch") != one.patched || (len(got.Warnings) > 0) != one.warned {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestWhatIsNoReview(t *testing.T) {
	for _, body := range []string{"", "{}", "[]", "nonsense"} {
		if code := ask(t, "/node-local", body).Code; code != http.StatusBadRequest {
			t.Errorf("%q: %d", body, code)
		}
	}
}

func TestTheCertificateIsForTheService(t *testing.T) {
	certificate, authority, err := newCertificate("dns-injection.kube-system.svc", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	own, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Verify(x509.VerifyOptions{DNSName: "dns-injection.kube-system.svc", Roots: roots}); err != nil {
		t.Error(err)
	}
}
