// Eci is a virtual node: upstream's virtual-kubelet, with a provider that stands in for Alibaba Cloud's Elastic Container
// Instance. Each Pod becomes Docker containers on the network of the nodes, outside every node.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"acplab.local/eci/docker"
	"github.com/virtual-kubelet/virtual-kubelet/log"
	slogger "github.com/virtual-kubelet/virtual-kubelet/log/slog"
	"github.com/virtual-kubelet/virtual-kubelet/node"
	"github.com/virtual-kubelet/virtual-kubelet/node/nodeutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
)

func main() {
	log.L = slogger.FromSlog(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "eci:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	s, err := settingsFromEnv()
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200 // 50 Pods at once write some hundred statuses and events
	p := newProvider(ctx, s, docker.Open(s.Socket))
	if err := p.connect(ctx, config); err != nil {
		return err
	}
	if err := p.recover(ctx); err != nil {
		return fmt.Errorf("cannot see what Docker has: %w", err)
	}
	vk, err := p.newNode(config)
	if err != nil {
		return err
	}
	go p.whenReady(ctx, vk)
	return vk.Run(ctx)
}

// connect makes the clients, and caches of nodes and namespaces, which upstream has none of.
func (p *Provider) connect(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if p.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	p.client, p.ledger, p.bury = client, apiLedger{p.dynamic}, p.deleteFromAPI
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typed.EventSinkImpl{Interface: client.CoreV1().Events("")})
	p.recorder = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "eci", Host: p.settings.Node})
	factory := informers.NewSharedInformerFactory(client, 0)
	p.nodes, p.namespaces = factory.Core().V1().Nodes().Lister(), factory.Core().V1().Namespaces().Lister()
	factory.Core().V1().Nodes().Informer()
	factory.Core().V1().Namespaces().Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return ctx.Err()
}

// whenReady begins when upstream's caches are there and what Kubernetes does not know any more was named.
func (p *Provider) whenReady(ctx context.Context, vk *nodeutil.Node) {
	select {
	case <-ctx.Done():
		return
	case <-vk.PodController().Ready():
	}
	log.G(ctx).Infof("ready, with %d Pods that were there", len(p.all()))
	p.begin()
	go p.followDocker(ctx)
	go p.sweep(ctx)
	go p.keepRoutes(ctx)
	go p.makeCaches(ctx)
	go p.applyPolicies(ctx)
}

func (p *Provider) newNode(config *rest.Config) (*nodeutil.Node, error) {
	spec := nodeOf(p.settings, time.Now())
	mux := http.NewServeMux()
	auth, err := nodeutil.WebhookAuth(p.client, p.settings.Node, withClusterCA(config))
	if err != nil {
		return nil, err
	}
	certificate, err := selfSigned(p.settings.Address)
	if err != nil {
		return nil, err
	}
	provide := func(c nodeutil.ProviderConfig) (nodeutil.Provider, node.NodeProvider, error) {
		p.pods, p.configMaps, p.secrets, p.allServices = c.Pods, c.ConfigMaps, c.Secrets, c.Services
		return p, nil, nil
	}
	configure := func(c *nodeutil.NodeConfig) error {
		c.NodeSpec, c.Client, c.EventRecorder = spec, p.client, p.recorder
		c.NodeStatusUpdateErrorHandler = func(ctx context.Context, err error) error { return p.register(ctx, spec, err) }
		c.NumWorkers = 16
		c.SkipDownwardAPIResolution = true // see resolve.go
		c.HTTPListenAddr = fmt.Sprintf(":%d", kubeletPort)
		c.Handler = nodeutil.WithAuth(auth, mux)
		c.StreamIdleTimeout, c.StreamCreationTimeout = 4*time.Hour, 30*time.Second
		c.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
		return nil
	}
	return nodeutil.NewNode(p.settings.Node, provide, nodeutil.WithClient(p.client), configure, nodeutil.AttachProviderRoutes(mux))
}

// register makes the node again if somebody has deleted it: upstream only updates it.
func (p *Provider) register(ctx context.Context, spec corev1.Node, failure error) error {
	if !errors.IsNotFound(failure) {
		return failure
	}
	_, err := p.client.CoreV1().Nodes().Create(ctx, &spec, metav1.CreateOptions{})
	return err
}

// withClusterCA accepts the API server's own certificate beside tokens.
func withClusterCA(config *rest.Config) nodeutil.WebhookAuthOption {
	return func(c *nodeutil.WebhookAuthConfig) error {
		if err := rest.LoadTLSFiles(config); err != nil {
			return err
		}
		authority, err := dynamiccertificates.NewStaticCAContent("cluster", config.CAData)
		c.AuthnConfig.ClientCertificateCAContentProvider = authority
		return err
	}
}

// selfSigned is what kubelets of a kind cluster have too.
func selfSigned(address string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "eci"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IPAddresses: []net.IP{net.ParseIP(address)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, err
}
