package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// routeProtocol marks the routes that this program made; all others are somebody else's and stay.
	// `ip route show proto 73` lists them.
	routeProtocol = "73"
	// masqueradeChain is ours alone: `iptables -t nat -S ACPLAB-PODNET` lists it.
	masqueradeChain = "ACPLAB-PODNET"

	commandTimeout = 10 * time.Second
	lockTimeout    = "5" // seconds; kube-proxy takes the lock of iptables as well
)

// kernel changes the network of the node with the commands that one would type.
type kernel struct {
	// run executes a command with this input and returns what it printed.
	run func(ctx context.Context, stdin string, command ...string) ([]byte, error)
}

// onNode runs commands of the node, whose root file system is mounted at this folder. So the image needs none of its
// own, and iptables is the variant that the node's kube-proxy speaks to as well.
func onNode(root string) func(context.Context, string, ...string) ([]byte, error) {
	return func(ctx context.Context, stdin string, command ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		var stdout, stderr bytes.Buffer
		process := exec.CommandContext(ctx, "/usr/bin/env", command...) // it looks for the command inside of the root
		process.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		process.Dir, process.Env = "/", []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		process.Stdin, process.Stdout, process.Stderr = strings.NewReader(stdin), &stdout, &stderr
		if err := process.Run(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(stderr.String()))
		}
		return stdout.Bytes(), nil
	}
}

// addPlugin gives the node the CNI plugin bridge if it has none: kind's published node images come without.
func (k kernel) addPlugin(ctx context.Context, folder, bridge string) error {
	const script = `cd "$0" && { test -x bridge || { cat > .bridge && chmod 755 .bridge && mv .bridge bridge; }; }`
	_, err := k.run(ctx, bridge, "sh", "-c", script, folder)
	return err
}

// routes are the ones that this program made earlier.
func (k kernel) routes(ctx context.Context) (routes, error) {
	entries, err := k.showRoutes(ctx, "proto", routeProtocol)
	return routesOf(entries), err
}

func (k kernel) showRoutes(ctx context.Context, which ...string) ([]routeEntry, error) {
	text, err := k.run(ctx, "", append([]string{"ip", "-4", "-json", "route", "show"}, which...)...)
	if err != nil {
		return nil, err
	}
	return parseEntries(text)
}

func (k kernel) change(ctx context.Context, c routeChange) error {
	_, err := k.run(ctx, "", c.command()...)
	return err
}

func (c routeChange) command() []string {
	if c.remove {
		return []string{"ip", "route", "del", c.podCIDR.String(), "proto", routeProtocol}
	}
	return []string{"ip", "route", "replace", c.podCIDR.String(), "via", c.address.String(), "proto", routeProtocol}
}

// mtu is the largest packet of the interface that leads to the other nodes: Pods must not send larger ones.
func (k kernel) mtu(ctx context.Context) (int, error) {
	entries, err := k.showRoutes(ctx, "default")
	if err != nil {
		return 0, err
	}
	if len(entries) == 0 {
		return 0, errors.New("this node has no default route, so nothing tells the MTU of its Pods")
	}
	device, err := net.InterfaceByName(entries[0].Device)
	if err != nil {
		return 0, fmt.Errorf("interface %s of the default route: %w", entries[0].Device, err)
	}
	return device.MTU, nil
}

// masquerade lets Pods out of the cluster under the address of their node, since nobody out there knows a way
// back to a Pod. From Pod to Pod the address stays. Doing it again changes nothing: the chain is replaced in one
// transaction, and the jump to it is added only where there is none.
func (k kernel) masquerade(ctx context.Context, podSubnet netip.Prefix) error {
	if _, err := k.run(ctx, masqueradeRules(podSubnet), "iptables-restore", "-w", lockTimeout, "--noflush"); err != nil {
		return err
	}
	if _, err := k.run(ctx, "", jump("-C")...); err == nil {
		return nil
	}
	_, err := k.run(ctx, "", jump("-A")...)
	return err
}

func masqueradeRules(podSubnet netip.Prefix) string {
	return fmt.Sprintf("*nat\n:%[1]s - [0:0]\n-A %[1]s -s %[2]s ! -d %[2]s -j MASQUERADE\nCOMMIT\n",
		masqueradeChain, podSubnet)
}

func jump(action string) []string {
	return []string{"iptables", "-w", lockTimeout, "-t", "nat", action, "POSTROUTING",
		"-m", "comment", "--comment", "Pods leave the cluster as their node", "-j", masqueradeChain}
}
