package main

import (
	"bytes"
	_ "embed"
	"net/netip"
	"os"
	"path/filepath"
	"text/template"
)

// The file that tells containerd how to put a Pod on the network:
//   - bridge plugs the Pod into the bridge cni0, a virtual switch inside the node. isGateway gives the bridge the
//     first address of the podCIDR, and Pods send everything there. hairpinMode lets a Pod reach itself through
//     its own Service. forceAddress: a node that joins again may be given another podCIDR. ipMasq is off, since
//     this plugin knows only its own node's addresses and would hide Pods from Pods on other nodes.
//   - host-local hands out the addresses. It notes them under /run, which is empty after a restart, as is the node.
//   - portmap serves hostPort.
//
//go:embed conflist.tmpl
var conflistText string

var conflistTemplate = template.Must(template.New("conflist").Parse(conflistText))

// conflist renders the CNI configuration of a node.
func conflist(podCIDR netip.Prefix, mtu int) []byte {
	var text bytes.Buffer
	err := conflistTemplate.Execute(&text, struct {
		PodCIDR netip.Prefix
		MTU     int
	}{podCIDR, mtu})
	if err != nil {
		panic(err) // the template and its two values are in this file
	}
	return text.Bytes()
}

// writeIfChanged replaces a file in one step: containerd reads the folder whenever something moves there, and must
// never see half a file. It says whether there was anything to write.
func writeIfChanged(path string, content []byte) (changed bool, err error) {
	if present, err := os.ReadFile(path); err == nil && bytes.Equal(present, content) {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	temporary := path + ".tmp" // an ending that CNI does not read
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return false, err
	}
	return true, os.Rename(temporary, path)
}
