package link

import (
	"net"
	"testing"
)

func TestDeriveAddr(t *testing.T) {
	for _, tt := range []struct {
		hw   string
		want string
	}{
		{"00:1b:21:aa:bb:cc", "42:1b:21:aa:bb:cc"}, // assigned by the vendor
		{"02:fc:00:00:00:01", "42:fc:00:00:00:01"}, // administered locally, as virtual ones are
		{"42:fc:00:00:00:01", "02:fc:00:00:00:01"}, // derived once already
		{"fe:54:00:12:34:56", "be:54:00:12:34:56"},
		{"01:00:5e:00:00:01", "42:00:5e:00:00:01"}, // no interface has a group address, but the result must not be one
	} {
		hw, err := net.ParseMAC(tt.hw)
		if err != nil {
			t.Fatal(err)
		}
		got := DeriveAddr(hw)
		if got.String() != tt.want {
			t.Errorf("DeriveAddr(%s) = %s, want %s", tt.hw, got, tt.want)
		}
	}
	for first := range 256 {
		hw := net.HardwareAddr{byte(first), 1, 2, 3, 4, 5}
		got := DeriveAddr(hw)
		if got == Addr(hw) || !got.IsUnicast() || got[0]&localBit == 0 {
			t.Errorf("DeriveAddr(%s) = %s: the same, a group or not local", hw, got)
		}
	}
	if a := DeriveAddr(nil); !a.IsUnicast() {
		t.Errorf("DeriveAddr(nil) = %s", a)
	}
}

func TestIsUnicast(t *testing.T) {
	for a, want := range map[Addr]bool{{}: false, Broadcast: false, {0x01, 0, 0x5e, 0, 0, 1}: false, addrA: true} {
		if a.IsUnicast() != want {
			t.Errorf("%s: IsUnicast = %v", a, !want)
		}
	}
}
