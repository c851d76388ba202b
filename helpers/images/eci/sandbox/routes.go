package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

type route struct {
	to  netip.Prefix
	via netip.Addr
}

// parseRoutes reads "172.21.0.0/20 via 172.18.0.3,172.20.1.0/24 via 172.18.0.4".
func parseRoutes(text string) ([]route, error) {
	var found []route
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		to, via, ok := strings.Cut(strings.TrimSpace(one), " via ")
		prefix, err := netip.ParsePrefix(to)
		gateway, err2 := netip.ParseAddr(via)
		if !ok || err != nil || err2 != nil || !prefix.Addr().Is4() || !gateway.Is4() {
			return nil, fmt.Errorf("not a route: %q", one)
		}
		found = append(found, route{prefix.Masked(), gateway})
	}
	return found, nil
}

// setRoutes adds the routes, or points those that are there to their new next hop.
func setRoutes(text string) error {
	routes, err := parseRoutes(text)
	if err != nil || len(routes) == 0 {
		return err
	}
	socket, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("netlink", err)
	}
	defer syscall.Close(socket)
	for number, one := range routes {
		if err := send(socket, message(one, uint32(number+1))); err != nil {
			return fmt.Errorf("route to %s via %s: %w", one.to, one.via, err)
		}
	}
	return nil
}

// message is RTM_NEWROUTE: the header, what kind of route, then the attributes destination and gateway.
func message(one route, number uint32) []byte {
	body := []byte{
		syscall.AF_INET, byte(one.to.Bits()), 0, 0,
		syscall.RT_TABLE_MAIN, syscall.RTPROT_STATIC, syscall.RT_SCOPE_UNIVERSE, syscall.RTN_UNICAST,
		0, 0, 0, 0,
	}
	body = attribute(body, syscall.RTA_DST, one.to.Addr())
	body = attribute(body, syscall.RTA_GATEWAY, one.via)
	flags := uint16(syscall.NLM_F_REQUEST | syscall.NLM_F_ACK | syscall.NLM_F_CREATE | syscall.NLM_F_REPLACE)
	head := binary.NativeEndian.AppendUint32(nil, uint32(syscall.NLMSG_HDRLEN+len(body)))
	head = binary.NativeEndian.AppendUint16(head, syscall.RTM_NEWROUTE)
	head = binary.NativeEndian.AppendUint16(head, flags)
	head = binary.NativeEndian.AppendUint32(head, number)
	head = binary.NativeEndian.AppendUint32(head, 0)
	return append(head, body...)
}

func attribute(to []byte, kind uint16, address netip.Addr) []byte {
	four := address.As4()
	to = binary.NativeEndian.AppendUint16(to, uint16(syscall.SizeofRtAttr+len(four)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	return append(to, four[:]...)
}

// send waits for the kernel's answer, which is an error number, 0 if all went well.
func send(socket int, text []byte) error {
	if err := syscall.Sendto(socket, text, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	buffer := make([]byte, 4096)
	size, _, err := syscall.Recvfrom(socket, buffer, 0)
	if err != nil {
		return err
	}
	answers, err := syscall.ParseNetlinkMessage(buffer[:size])
	if err != nil || len(answers) == 0 {
		return fmt.Errorf("no answer from the kernel: %v", err)
	}
	if answers[0].Header.Type != syscall.NLMSG_ERROR || len(answers[0].Data) < int(unsafe.Sizeof(int32(0))) {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(answers[0].Data)); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
