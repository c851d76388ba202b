package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// The folder of a Pod's own ServiceAccount; outside of a cluster one of the same form.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// api is the Kubernetes API, asked with a token that is read anew each time, since kubelet renews it.
type api struct {
	url       string
	tokenFile string
	client    *http.Client
}

// newAPI reads API_SERVER (a URL) and CREDENTIALS (a folder with ca.crt and token); in a Pod neither is needed.
func newAPI(getenv func(string) string) (*api, error) {
	url, folder := getenv("API_SERVER"), getenv("CREDENTIALS")
	if url == "" {
		url = "https://" + getenv("KUBERNETES_SERVICE_HOST") + ":" + getenv("KUBERNETES_SERVICE_PORT")
	}
	if folder == "" {
		folder = serviceAccount
	}
	authority, err := os.ReadFile(folder + "/ca.crt")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s/ca.crt holds no certificate", folder)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	return &api{strings.TrimSuffix(url, "/"), folder + "/token", client}, nil
}

// get reads an object or a list into found.
func (a *api) get(ctx context.Context, path string, found any) error {
	return a.do(ctx, http.MethodGet, path, "", nil, found)
}

// patch sends a JSON patch.
func (a *api) patch(ctx context.Context, path string, patch []operation) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	return a.do(ctx, http.MethodPatch, path, "application/json-patch+json", body, nil)
}

func (a *api) do(ctx context.Context, method, path, kind string, body []byte, found any) error {
	token, err := os.ReadFile(a.tokenFile)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, said)
	}
	if found == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(found)
}
