package main

import (
	"context"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// dialTimeout is short since the first try may come before kube-proxy: it would wait for half a minute by default.
const dialTimeout = 3 * time.Second

// nodeWatch is what the agent needs to know of the cluster.
type nodeWatch struct {
	nodes   func() []*corev1.Node
	changed <-chan struct{} // time to look at the nodes again
}

// watchNodes returns once the list of nodes is complete, however long the API server stays away (or when ctx ends):
// with half a list an agent would remove the routes to the other half.
func watchNodes(ctx context.Context, client rest.Interface) nodeWatch {
	changed, handler := changes()
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(client, "nodes", metav1.NamespaceAll, fields.Everything()),
		ObjectType:    &corev1.Node{},
		Handler:       handler,
	})
	go informer.RunWithContext(ctx)
	cache.WaitForCacheSync(ctx.Done(), informer.HasSynced)
	return nodeWatch{
		changed: changed,
		nodes: func() (nodes []*corev1.Node) {
			for _, node := range store.List() {
				nodes = append(nodes, node.(*corev1.Node))
			}
			return nodes
		},
	}
}

// changes turns events into one wish to look again: ten of them in a row are no more than one.
func changes() (<-chan struct{}, cache.ResourceEventHandler) {
	changed := make(chan struct{}, 1)
	look := func() {
		select {
		case changed <- struct{}{}:
		default: // somebody is about to look anyway
		}
	}
	return changed, cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { look() },
		UpdateFunc: func(any, any) { look() },
		DeleteFunc: func(any) { look() },
	}
}

// connect uses the ServiceAccount of the Pod. apiServer, HOST:PORT, may be empty.
func connect(apiServer string) (rest.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	if apiServer != "" {
		config.Host = "https://" + apiServer
	}
	config.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	client, err := core.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return client.RESTClient(), nil
}
