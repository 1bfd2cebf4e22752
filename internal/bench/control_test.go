package bench

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deputy/link"
)

func controls() []control {
	none := netip.IPv4Unspecified()
	return []control{
		{kind: kindHello, sequence: 1},
		{kind: kindHello, sequence: 2, wanted: "b"},
		{
			kind: kindWelcome, sequence: 0xfffe, hardware: link.Addr{2, 1, 2, 3, 4, 5}, mtu: 1500, name: "b",
			backend: "ring", cpu: "to CPU 1", kernel: netip.MustParseAddrPort("192.0.2.1:0"),
		},
		{kind: kindWelcome, kernel: netip.AddrPortFrom(none, 0)},
		{kind: kindEnter, sequence: 3, mode: modeTCPSpin, size: 1040, kernel: netip.MustParseAddrPort("192.0.2.1:4321")},
		{kind: kindEntered, sequence: 3, kernel: netip.AddrPortFrom(none, 77)},
		{kind: kindEntered, sequence: 4, kernel: netip.AddrPortFrom(none, 0), err: "no"},
	}
}

var compareControl = cmp.Options{
	cmp.AllowUnexported(control{}),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
}

func TestControlRoundTrip(t *testing.T) {
	for _, c := range controls() {
		b := c.append(nil)
		got, err := parseControl(append(b, 0, 0, 0)) // with padding
		if err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if diff := cmp.Diff(c, got, compareControl); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for n := range b {
			if _, err := parseControl(b[:n]); err == nil {
				t.Errorf("kind %d cut off at %d of %d bytes: no error", c.kind, n, len(b))
			}
		}
	}
}

func TestControlGolden(t *testing.T) {
	c := control{kind: kindEnter, sequence: 0x0102, mode: modeUDP, size: 24, kernel: netip.MustParseAddrPort("192.0.2.1:513")}
	want := []byte{'i', 'p', 'x', 'b', 1, 3, 2, 1, 1, 24, 0, 192, 0, 2, 1, 1, 2}
	if diff := cmp.Diff(want, c.append(nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestControlRefuses(t *testing.T) {
	for _, test := range []struct {
		b    string
		want error
	}{
		{"", errNotControl},
		{"ipx", errNotControl},
		{"ipxc\x01\x01\x00\x00\x00", errNotControl},
		{"ipxb\x02\x01\x00\x00\x00", errControlVersion},
		{"ipxb\x01\x00\x00\x00\x00", errControlBody},
		{"ipxb\x01\x05\x00\x00\x00", errControlBody},
		{"ipxb\x01\x01\x00\x00\x02b", errControlBody},
		{"ipxb\x01\x03\x00\x00\x06\x18\x00\x00\x00\x00\x00\x00\x00", errControlBody}, // mode 6
	} {
		if _, err := parseControl([]byte(test.b)); !errors.Is(err, test.want) {
			t.Errorf("%q: error %v, want %v", test.b, err, test.want)
		}
	}
}

func FuzzParseControl(f *testing.F) {
	for _, c := range controls() {
		f.Add(c.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseControl(b)
		if err != nil {
			return
		}
		again, err := parseControl(c.append(nil))
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if diff := cmp.Diff(c, again, compareControl); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
