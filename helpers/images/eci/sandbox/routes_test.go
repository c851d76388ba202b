package main

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestRoutesAreRead(t *testing.T) {
	found, err := parseRoutes("172.21.0.7/20 via 172.18.0.3, 172.20.1.0/24 via 172.18.0.4")
	if err != nil || len(found) != 2 || found[0].to != netip.MustParsePrefix("172.21.0.0/20") || found[1].via.String() != "172.18.0.4" {
		t.Errorf("%v %v", found, err)
	}
	if found, err := parseRoutes(""); err != nil || len(found) != 0 {
		t.Errorf("nothing: %v %v", found, err)
	}
	for _, bad := range []string{"172.21.0.0/20", "x via 1.2.3.4", "10.0.0.0/8 via y", "fd00::/64 via 1.2.3.4"} {
		if _, err := parseRoutes(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestMessageCarriesBothAddresses(t *testing.T) {
	text := message(route{netip.MustParsePrefix("172.20.1.0/24"), netip.MustParseAddr("172.18.0.4")}, 7)
	if len(text) != 16+12+8+8 || text[0] != 44 || text[17] != 24 {
		t.Errorf("% x", text)
	}
	if !bytes.Contains(text, []byte{172, 20, 1, 0}) || !bytes.HasSuffix(text, []byte{172, 18, 0, 4}) {
		t.Errorf("% x", text)
	}
}
