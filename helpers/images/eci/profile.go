package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// Profile is the ConfigMap eci-profile of kube-system: what an administrator adds to Pods without touching them.
type Profile struct {
	VSwitchIDs []string
	Selectors  []Selector
}

// Selector chooses Pods by their namespace's labels and their own; both must match if both are there.
type Selector struct {
	Name              string                `json:"name"`
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
	ObjectSelector    *metav1.LabelSelector `json:"objectSelector"`
	Effect            struct {
		Annotations map[string]string `json:"annotations"`
		Labels      map[string]string `json:"labels"`
	} `json:"effect"`
}

// profileOf reads the ConfigMap; one that is not there adds nothing.
func profileOf(config *corev1.ConfigMap) (Profile, error) {
	profile := Profile{}
	if config == nil {
		return profile, nil
	}
	profile.VSwitchIDs = splitList(config.Data["vswitchIds"])
	// ACK keeps this in JSON, of which YAML is a superset.
	err := yaml.Unmarshal([]byte(config.Data["selectors"]), &profile.Selectors)
	return profile, err
}

// apply adds what each matching selector brings. What the Pod has itself is never overridden, nor is what an earlier
// selector has brought.
func (p Profile) apply(pod *corev1.Pod, namespaceLabels map[string]string) (*corev1.Pod, error) {
	effective := pod.DeepCopy()
	for _, one := range p.Selectors {
		fits, err := one.fits(pod, namespaceLabels)
		if err != nil {
			return nil, err
		}
		if fits {
			effective.Annotations = added(effective.Annotations, one.Effect.Annotations)
			effective.Labels = added(effective.Labels, one.Effect.Labels)
		}
	}
	return effective, nil
}

// fits: a selector that is not there chooses every Pod.
func (s Selector) fits(pod *corev1.Pod, namespaceLabels map[string]string) (bool, error) {
	for selector, found := range map[*metav1.LabelSelector]map[string]string{s.NamespaceSelector: namespaceLabels, s.ObjectSelector: pod.Labels} {
		if selector == nil {
			continue
		}
		wanted, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || !wanted.Matches(labels.Set(found)) {
			return false, err
		}
	}
	return true, nil
}

func added(own, more map[string]string) map[string]string {
	all := map[string]string{}
	for key, value := range more {
		all[key] = value
	}
	for key, value := range own {
		all[key] = value
	}
	return all
}

// vSwitchOf is the vSwitch of an instance: its own annotation before the profile's, in order or by chance.
func vSwitchOf(pod *corev1.Pod, profile Profile, chance func(n int) int) string {
	choices := splitList(pod.Annotations[vSwitchChoice])
	if len(choices) == 0 {
		choices = profile.VSwitchIDs
	}
	if len(choices) == 0 {
		return ""
	}
	if pod.Annotations[vSwitchStrategy] == "VSwitchRandom" {
		return choices[chance(len(choices))]
	}
	return choices[0]
}

func splitList(text string) []string {
	var words []string
	for _, word := range strings.Split(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
