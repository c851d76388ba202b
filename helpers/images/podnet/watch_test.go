package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// event is a line of a watch.
type event struct {
	Type   string       `json:"type"`
	Object *corev1.Node `json:"object"`
}

// apiServer answers a watch of the nodes with events. It stands for the real one, which first tells what is there
// and then sends a bookmark.
func apiServer(t *testing.T, events <-chan event) rest.Interface {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/nodes" || r.URL.Query().Get("sendInitialEvents") != "true" {
			t.Errorf("unexpected request: %s", r.URL)
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		for {
			select {
			case e := <-events:
				e.Object.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}
				e.Object.ResourceVersion = "7"
				json.NewEncoder(w).Encode(e)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	client, err := core.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client.RESTClient()
}

func names(nodes []*corev1.Node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestWatchNodes(t *testing.T) {
	listed := node("", "", "")
	listed.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	events := make(chan event, 3)
	events <- event{"ADDED", node("worker1", "10.244.1.0/24", "172.18.0.2")}
	events <- event{"ADDED", node("worker2", "10.244.2.0/24", "172.18.0.3")}
	events <- event{"BOOKMARK", listed}
	watch := watchNodes(t.Context(), apiServer(t, events))
	if got := names(watch.nodes()); got != "worker1 worker2" {
		t.Fatalf("the first list is %q", got)
	}
	events <- event{"MODIFIED", node("worker2", "10.244.2.0/24", "172.18.0.9")}
	waitFor(t, watch, "the new address", func() bool {
		wanted := wantedRoutes(watch.nodes(), "worker1", podSubnet)
		return maps.Equal(wanted, table("10.244.2.0/24", "172.18.0.9"))
	})
	events <- event{"DELETED", node("worker2", "10.244.2.0/24", "172.18.0.9")}
	waitFor(t, watch, "one node less", func() bool { return names(watch.nodes()) == "worker1" })
}

// waitFor looks again whenever the watch says that it is time to.
func waitFor(t *testing.T, watch nodeWatch, what string, holds func() bool) {
	t.Helper()
	for timeout := time.After(5 * time.Second); !holds(); {
		select {
		case <-watch.changed:
		case <-timeout:
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

func TestTenEventsAreOneWishToLook(t *testing.T) {
	changed, handler := changes()
	for range 10 {
		handler.OnAdd(nil, false)
		handler.OnUpdate(nil, nil)
		handler.OnDelete(nil)
	}
	<-changed
	select {
	case <-changed:
		t.Error("told twice")
	default:
	}
}
