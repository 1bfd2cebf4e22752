package bench

import (
	"net/netip"
	"testing"

	"deputy/internal/nstest"
	"deputy/link"
)

func TestAddressOf(t *testing.T) {
	for _, test := range []struct {
		hardware link.Addr
		want     string
	}{
		{link.Addr{0xc2, 0, 0, 0, 0, 1}, "198.18.0.1"},
		{link.Addr{0xc2, 1, 2, 3, 0xfe, 0xdc}, "198.18.254.220"},
		{link.Addr{2, 9, 9, 9, 0, 0}, "198.18.1.1"},
		{link.Addr{2, 9, 9, 9, 0xff, 0xff}, "198.18.1.1"},
	} {
		if got := addressOf(test.hardware); got != netip.MustParseAddr(test.want) {
			t.Errorf("%v: %v, want %s", test.hardware, got, test.want)
		}
	}
}

// On one interface stand the kernel's address, the agent's and ours.
func TestOwnAddr(t *testing.T) {
	for _, hardware := range []link.Addr{{0, 1, 2, 3, 4, 5}, {2, 0, 0, 0, 0, 1}, {0xfe, 1, 2, 3, 4, 5}, {0xc2, 0, 0, 0, 0, 1}} {
		own := ownAddr(hardware[:])
		if own == hardware || own == link.DeriveAddr(hardware[:]) || !own.IsUnicast() || own[0]&2 == 0 {
			t.Errorf("%v: %v", hardware, own)
		}
	}
}

func TestBackendOf(t *testing.T) {
	a, _ := nstest.Pair(t)
	a.Do(func() {
		for _, backend := range []string{link.BackendRing, link.BackendPacket} {
			dev, err := openDevice(a.Iface, backend, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := backendOf(dev); got != backend {
				t.Errorf("a device opened as %s is %s", backend, got)
			}
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestKernelAddress(t *testing.T) {
	a, _ := nstest.Pair(t)
	a.Do(func() {
		if got := kernelAddress(a.Iface); got.IsValid() {
			t.Errorf("address %v on an interface without", got)
		}
		a.SetAddr("192.0.2.7/24")
		if got := kernelAddress(a.Iface); got != netip.MustParseAddr("192.0.2.7") {
			t.Errorf("address %v", got)
		}
		if got := kernelAddress("none"); got.IsValid() {
			t.Errorf("address %v on no interface", got)
		}
	})
}
