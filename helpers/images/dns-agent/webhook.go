package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"time"
)

const (
	listenOn      = ":8443"
	configuration = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/dns-injection"
	mostBytes     = 1 << 20
)

// webhook answers the API server. Whatever goes wrong, a Pod is let through as it is.
type webhook struct {
	clusterDNS string
	image      string // of the sidecar
	namespace  func(ctx context.Context, name string) (namespace, error)
}

type review struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Request    *request  `json:"request,omitempty"`
	Response   *response `json:"response,omitempty"`
}

type request struct {
	UID       string `json:"uid"`
	Namespace string `json:"namespace"`
	Object    pod    `json:"object"`
}

type response struct {
	UID       string   `json:"uid"`
	Allowed   bool     `json:"allowed"`
	PatchType string   `json:"patchType,omitempty"`
	Patch     []byte   `json:"patch,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
}

func runWebhook(ctx context.Context, getenv func(string) string) error {
	kube, err := newAPI(getenv)
	if err != nil {
		return err
	}
	// kubelet gives each Pod of kube-system the address of kube-dns there.
	hook := webhook{clusterDNS: getenv("KUBE_DNS_SERVICE_HOST"), image: getenv("SIDECAR_IMAGE")}
	if hook.clusterDNS == "" || hook.image == "" {
		return errors.New("KUBE_DNS_SERVICE_HOST and SIDECAR_IMAGE must be set")
	}
	hook.namespace = func(ctx context.Context, name string) (found namespace, err error) {
		return found, kube.get(ctx, "/api/v1/namespaces/"+name, &found)
	}
	certificate, authority, err := newCertificate(getenv("SERVICE"), time.Now())
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: listenOn, Handler: hook.handler(), ReadHeaderTimeout: 5 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	go announce(ctx, kube, authority)
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// announce tells the API server whom to trust. The key is made anew at each start and never leaves the process.
func announce(ctx context.Context, kube *api, authority []byte) {
	bundle := base64.StdEncoding.EncodeToString(authority)
	patch := []operation{
		{"add", "/webhooks/0/clientConfig/caBundle", bundle},
		{"add", "/webhooks/1/clientConfig/caBundle", bundle},
	}
	for ctx.Err() == nil {
		err := kube.patch(ctx, configuration, patch)
		if err == nil {
			slog.Info("the API server trusts this webhook")
			return
		}
		slog.Warn("not announced yet", "error", err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
	}
}

func newCertificate(name string, now time.Time) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	own, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own})
	return tls.Certificate{Certificate: [][]byte{own}, PrivateKey: key}, authority, nil
}

func (w webhook) handler() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	routes.HandleFunc("POST /node-local", w.serve(w.forCache))
	routes.HandleFunc("POST /sidecar", w.serve(w.forSidecar))
	return routes
}

type decision func(ctx context.Context, asked request) ([]operation, error)

func (w webhook) serve(decide decision) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		var asked review
		err := json.NewDecoder(http.MaxBytesReader(out, in.Body, mostBytes)).Decode(&asked)
		if err != nil || asked.Request == nil {
			http.Error(out, "an AdmissionReview with a request is wanted", http.StatusBadRequest)
			return
		}
		patch, err := decide(in.Context(), *asked.Request)
		out.Header().Set("Content-Type", "application/json")
		json.NewEncoder(out).Encode(review{APIVersion: asked.APIVersion, Kind: asked.Kind, Response: answer(asked.Request.UID, patch, err)})
	}
}

func answer(uid string, patch []operation, err error) *response {
	said := &response{UID: uid, Allowed: true}
	if err != nil {
		said.Warnings = []string{fmt.Sprintf("not injected: %v", err)}
	} else if len(patch) > 0 {
		said.PatchType = "JSONPatch"
		said.Patch, _ = json.Marshal(patch)
	}
	return said
}

func (w webhook) forCache(ctx context.Context, asked request) ([]operation, error) {
	where, err := w.namespace(ctx, asked.Namespace)
	if err != nil || !wantsCache(asked.Object, where) {
		return nil, err
	}
	return cachePatch(asked.Namespace, w.clusterDNS), nil
}

func (w webhook) forSidecar(_ context.Context, asked request) ([]operation, error) {
	if !wantsSidecar(asked.Object) || !policyFits(asked.Object) {
		return nil, nil
	}
	return sidecarPatch(asked.Object, asked.Namespace, w.clusterDNS, w.image)
}
