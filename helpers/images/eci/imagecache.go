package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var imageCaches = schema.GroupVersionResource{Group: "eci.alibabacloud.com", Version: "v1", Resource: "imagecaches"}

// Cache is an ImageCache that is ready.
type Cache struct {
	ID     string
	Images []string
}

// cacheFor chooses: an ID that the Pod names, or the one that has most of its images if it asks for a match.
func cacheFor(pod *corev1.Pod, caches []Cache) (Cache, bool, error) {
	if id := pod.Annotations[imageSnapshot]; id != "" {
		for _, one := range caches {
			if one.ID == id {
				return one, true, nil
			}
		}
		return Cache{}, false, refusal("InvalidParameter", "%s: there is no image cache %q that is ready", imageSnapshot, id)
	}
	if pod.Annotations[imageCacheMatch] != "true" {
		return Cache{}, false, nil
	}
	best, most := Cache{}, 0
	for _, one := range caches {
		if hits := one.hits(pod); hits > most {
			best, most = one, hits
		}
	}
	return best, most > 0, nil
}

// helped says whether a cache spares the Pod a pull; one that the Pod names may have none of its images.
func helped(pod *corev1.Pod, caches []Cache) bool {
	cache, _, _ := cacheFor(pod, caches)
	return cache.hits(pod) > 0
}

func (c Cache) hits(pod *corev1.Pod) int {
	count := 0
	for _, one := range containersOf(pod) {
		if c.has(one.Image) {
			count++
		}
	}
	return count
}

func (c Cache) has(image string) bool {
	return slices.ContainsFunc(c.Images, func(one string) bool { return fullName(one) == fullName(image) })
}

// fullName is an image's name with registry and tag: shop is docker.io/library/shop:latest.
func fullName(image string) string {
	first, rest, found := strings.Cut(image, "/")
	if !found {
		image = "docker.io/library/" + image
	} else if !strings.ContainsAny(first, ".:") && first != "localhost" {
		image = "docker.io/" + first + "/" + rest
	}
	if last := image[strings.LastIndex(image, "/"):]; !strings.ContainsAny(last, ":@") {
		image += ":latest"
	}
	return image
}

// cacheOf reads an object; ok only if it is ready.
func cacheOf(object *unstructured.Unstructured) (Cache, bool) {
	images, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "images")
	id, _, _ := unstructured.NestedString(object.Object, "status", "imageCacheId")
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	return Cache{id, images}, phase == "Ready" && id != ""
}

// makeCaches looks after the ImageCaches: each takes as long as pulling its images does, once, and is Ready then.
func (p *Provider) makeCaches(ctx context.Context) {
	busy := map[string]bool{}
	for sleep(ctx, 2*time.Second) {
		found, err := p.listCaches(ctx)
		if err != nil {
			continue
		}
		for i := range found {
			one := &found[i]
			phase, _, _ := unstructured.NestedString(one.Object, "status", "phase")
			if phase == "" || (phase == "Creating" && !busy[string(one.GetUID())]) {
				busy[string(one.GetUID())] = true
				go p.makeCache(ctx, one)
			}
		}
	}
}

func (p *Provider) makeCache(ctx context.Context, cache *unstructured.Unstructured) {
	images, _, _ := unstructured.NestedStringSlice(cache.Object, "spec", "images")
	id := "imc-" + string(cache.GetUID())[:8]
	p.setCache(ctx, cache, map[string]any{"phase": "Creating", "progress": "0%"})
	var wait time.Duration
	for _, image := range images {
		found, err := p.docker.Image(ctx, image)
		if err != nil {
			p.setCache(ctx, cache, map[string]any{"phase": "Failed", "message": fmt.Sprintf("image %s: %v", image, err)})
			return
		}
		wait += p.settings.pullTime(found.Bytes)
	}
	if sleep(ctx, wait) {
		p.setCache(ctx, cache, map[string]any{"phase": "Ready", "progress": "100%", "imageCacheId": id})
	}
}
