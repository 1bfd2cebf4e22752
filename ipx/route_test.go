package ipx

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/layers"
)

func TestRoutes(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	b, c, d := addrB, addrC, mustAddr("10.77.0.4")
	for _, r := range []Route{
		{mustPrefix("0.0.0.0/0"), b}, {mustPrefix("10.0.0.0/8"), c}, {mustPrefix("10.80.0.0/16"), b}, {mustPrefix("10.80.1.9/24"), d},
		{mustPrefix("10.77.0.128/25"), d}, {mustPrefix("10.77.0.0/16"), d},
	} {
		if err := h.AddRoute(r); err != nil {
			t.Fatal(err)
		}
	}
	check := func(dst string, want netip.Addr) {
		t.Helper()
		if hop, ok := h.NextHop(mustAddr(dst)); ok != want.IsValid() || ok && hop != want {
			t.Errorf("%s by %v, want %v", dst, hop, want)
		}
	}
	check("10.77.0.9", mustAddr("10.77.0.9"))
	check("10.77.0.129", d) // longer than our own network
	check("10.77.1.1", d)
	check("10.80.1.1", d)
	check("10.80.2.1", b)
	check("10.81.2.1", c)
	check("11.81.2.1", b)
	check("::ffff:11.1.2.3", b)
	check("224.0.0.1", netip.Addr{})
	check("255.255.255.255", netip.Addr{})
	check("127.0.0.1", netip.Addr{})
	check("fe80::1", netip.Addr{})
	check("10.77.0.0", netip.Addr{})

	if !h.DeleteRoute(mustPrefix("10.80.1.0/24")) || h.DeleteRoute(mustPrefix("10.80.1.0/24")) {
		t.Error("a route is deleted once")
	}
	check("10.80.1.1", b)
	if err := h.AddRoute(Route{mustPrefix("10.80.0.0/16"), c}); err != nil { // in place of b
		t.Fatal(err)
	}
	check("10.80.1.1", c)
	want := []Route{{mustPrefix("10.77.0.128/25"), d}, {mustPrefix("10.77.0.0/16"), d}, {mustPrefix("10.80.0.0/16"), c},
		{mustPrefix("10.0.0.0/8"), c}, {mustPrefix("0.0.0.0/0"), b}}
	if diff := cmp.Diff(want, h.Routes(), cmp.Comparer(func(a, b Route) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestAddRouteErrors(t *testing.T) {
	for _, r := range []Route{
		{}, {netip.Prefix{}, addrB}, {net2, netip.Addr{}}, {net2, addrA}, {net2, mustAddr("10.78.0.1")}, {net2, toAll},
		{mustPrefix("fe80::/64"), addrB}, {net2, mustAddr("fe80::1")},
	} {
		if _, err := New(newDevice(hwA, testMTU), Config{Prefix: prefixA, Routes: []Route{r}}); !errors.Is(err, ErrRoute) {
			t.Errorf("%+v: %v, want %v", r, err, ErrRoute)
		}
	}
	h := newHost(t, prefixA, hwA)
	for i := range maxRoutes + 1 {
		err := h.AddRoute(Route{netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i >> 8), byte(i), 0}), 24), addrB})
		if errors.Is(err, ErrRoutes) != (i == maxRoutes) {
			t.Errorf("route %d: %v", i, err)
		}
	}
}

// Datagrams take the route as it is when they are sent, and are accepted from
// where a route leads.
func TestRouteInUse(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	dst := mustAddr("10.9.0.1")
	from := func(payload string) []byte {
		return ipFrame(t, payload, func(_ *layers.Ethernet, ip *layers.IPv4) { ip.SrcIP = dst.AsSlice() })
	}
	h.Input(0, from("before"))
	if err := h.send(0, dst, "x"); !errors.Is(err, ErrNoRoute) {
		t.Errorf("%v, want %v", err, ErrNoRoute)
	}
	if err := h.AddRoute(Route{mustPrefix("10.9.0.0/16"), addrB}); err != nil {
		t.Fatal(err)
	}
	h.Input(0, from("with"))
	h.knowsB(0)
	want := []string{"ip 10.9.0.1 x to 02:00:00:00:00:0b"}
	for range 2 {
		if err := h.send(0, dst, "x"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, describeAll(t, h.frames())); diff != "" {
			t.Error(diff)
		}
	}
	h.DeleteRoute(mustPrefix("10.9.0.0/16"))
	h.Input(0, from("after"))
	if err := h.send(0, dst, "x"); !errors.Is(err, ErrNoRoute) {
		t.Errorf("%v, want %v", err, ErrNoRoute)
	}
	if diff := cmp.Diff([]string{"with"}, payloads(h.got)); diff != "" {
		t.Error(diff)
	}
	accounted(t, h.Stack)
}

// A next hop with another hardware address takes all paths through it along,
// and one that fails fails them all.
func TestRouteFollowsNeighbour(t *testing.T) {
	h := newHost(t, prefixA, hwA, Route{mustPrefix("0.0.0.0/0"), addrB})
	far := []netip.Addr{mustAddr("10.9.0.1"), mustAddr("10.9.0.2"), addrB}
	for _, dst := range far {
		if err := h.send(0, dst, "waits"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{askForB}, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}
	sendAll := func(want string) {
		t.Helper()
		h.frames()
		for _, dst := range far {
			if err := h.send(0, dst, "x"); err != nil {
				t.Fatal(err)
			}
		}
		for i, frame := range h.frames() {
			if got := describe(t, frame); got != "ip "+far[i].String()+" x to "+want {
				t.Errorf("sent %s", got)
			}
		}
	}
	h.Input(0, replyB)
	sendAll("02:00:00:00:00:0b")
	h.Input(0, arpFrame(hwA, arpReply, hwC, addrB, hwA, addrA))
	sendAll("02:00:00:00:00:0c")
	h.advanceTo(70_000 * ms) // not used any more, forgotten
	if len(h.paths.all) != 0 || h.Stats().Neighbours != 0 {
		t.Errorf("%d paths, %d neighbours", len(h.paths.all), h.Stats().Neighbours)
	}
}

// Any number of destinations takes no more than maxPaths paths.
func TestPathsAreBounded(t *testing.T) {
	h := newHost(t, prefixA, hwA, Route{mustPrefix("0.0.0.0/0"), addrB})
	h.knowsB(0)
	for i := range 3 * maxPaths {
		if err := h.send(0, addrB, "x"); err != nil {
			t.Fatal(err)
		}
		if err := h.send(0, netip.AddrFrom4([4]byte{20, 0, byte(i >> 8), byte(i)}), "x"); err != nil {
			t.Fatal(err)
		}
		if len(h.frames()) != 2 {
			t.Fatal("lost")
		}
	}
	n := h.neighbours.byAddr[addrB]
	if len(h.paths.all) != maxPaths || len(h.paths.byAddr) != maxPaths+2 || len(n.paths) != maxPaths {
		t.Errorf("%d paths, %d by address, %d of the neighbour", len(h.paths.all), len(h.paths.byAddr), len(n.paths))
	}
	accounted(t, h.Stack)
}
