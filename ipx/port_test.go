package ipx

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deputy/link"
)

func TestSendToNeighbour(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	payloads := []string{"", "x", "hello", strings.Repeat("y", testMTU-HeaderLen)}
	for i, payload := range payloads {
		if err := h.send(0, addrB, payload); err != nil {
			t.Fatal(err)
		}
		sent := h.frames()
		if len(sent) != 1 {
			t.Fatalf("%d frames", len(sent))
		}
		ethernet, ip := decodeIPv4(t, sent[0])
		if link.Addr(ethernet.DstMAC) != hwB || link.Addr(ethernet.SrcMAC) != hwA ||
			string(ip.Payload) != payload || ip.Id != uint16(i+1) || ip.TTL != 64 || ip.Protocol != testProto {
			t.Errorf("payload of %d bytes: %v %v", len(payload), ethernet, ip)
		}
	}
	if stats := h.Stats(); stats.DatagramsSent != 4 || stats.BytesSent != 1486 || stats.DatagramsQueued != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestSendBroadcast(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	for _, dst := range []netip.Addr{allOnes, toAll} {
		if err := h.send(0, dst, "here"); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"ip 255.255.255.255 here to ff:ff:ff:ff:ff:ff", "ip 10.77.0.255 here to ff:ff:ff:ff:ff:ff"}
	if diff := cmp.Diff(want, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}
	if h.Deadline() != Never || h.Stats().Neighbours != 0 {
		t.Errorf("a broadcast address counts as neighbour")
	}
}

// A mapped address is the IPv4 address it holds.
func TestSendMapped(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	if err := h.send(0, mustAddr("::ffff:10.77.0.2"), "hello"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ip 10.77.0.2 hello to 02:00:00:00:00:0b"}, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}
}

func TestSendErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		dst  netip.Addr
		n    int
		err  error // of the device
		want error
		drop OutputDrops
	}{
		{"too long", addrB, testMTU - HeaderLen + 1, nil, ErrLength, OutputDrops{Length: 1}},
		{"negative", addrB, -1, nil, ErrLength, OutputDrops{Length: 1}},
		{"other network", mustAddr("10.78.0.2"), 1, nil, ErrNoRoute, OutputDrops{NoRoute: 1}},
		{"network address", mustAddr("10.77.0.0"), 1, nil, ErrNoRoute, OutputDrops{NoRoute: 1}},
		{"multicast", mustAddr("224.0.0.1"), 1, nil, ErrNoRoute, OutputDrops{NoRoute: 1}},
		{"IPv6", mustAddr("fe80::1"), 1, nil, ErrNoRoute, OutputDrops{NoRoute: 1}},
		{"zero Addr", netip.Addr{}, 1, nil, ErrNoRoute, OutputDrops{NoRoute: 1}},
		{"device", addrB, 1, errDevice, errDevice, OutputDrops{DeviceError: 1}},
	} {
		h := newHost(t, prefixA, hwA)
		h.knowsB(0)
		h.dev.err = test.err
		h.port.Buffer()
		if err := h.port.Send(0, test.dst, test.n); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if diff := cmp.Diff(test.drop, h.Stats().Output); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if stats := h.Stats(); stats.Output.Total() != 1 || stats.DatagramsSent != 0 || len(h.frames()) != 0 {
			t.Errorf("%s: %+v", test.name, stats)
		}
	}
}

func TestPortBuffer(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	if got := h.port.MTU(); got != testMTU-HeaderLen {
		t.Errorf("MTU %d", got)
	}
	if got := h.port.Buffer(); len(got) != h.port.MTU() || cap(got) != len(got) {
		t.Errorf("buffer of %d bytes, capacity %d", len(got), cap(got))
	}
}

func TestLoopback(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	if err := h.send(3*ms, addrA, "to myself"); err != nil {
		t.Fatal(err)
	}
	if len(h.got) != 0 {
		t.Fatal("delivered inside Send")
	}
	if h.Deadline() > 3*ms {
		t.Fatalf("deadline %v", h.Deadline())
	}
	h.Advance(4 * ms)
	want := []delivered{{4 * ms, addrA, addrA, "to myself"}}
	if diff := cmp.Diff(want, h.got, cmp.AllowUnexported(delivered{}), cmp.Comparer(equalAddr)); diff != "" {
		t.Error(diff)
	}
	if len(h.frames()) != 0 || h.Deadline() != Never || h.Stats().DatagramsLooped != 1 {
		t.Errorf("deadline %v, %+v", h.Deadline(), h.Stats())
	}
}

// Input delivers what was sent to ourselves before the frame.
func TestLoopbackByInput(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	if err := h.send(0, addrA, "first"); err != nil {
		t.Fatal(err)
	}
	h.Input(0, ipFrame(t, "second", nil))
	if len(h.got) != 2 || h.got[0].payload != "first" || h.got[1].payload != "second" {
		t.Errorf("%+v", h.got)
	}
}

// Who answers himself at once doesn't keep Advance from returning, and gets
// each answer in its turn.
func TestLoopbackAnswers(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.then = func(now time.Duration) { _ = h.send(now, addrA, "again") }
	if err := h.send(0, addrA, "first"); err != nil {
		t.Fatal(err)
	}
	for turn := range 10 {
		if h.Deadline() > 0 {
			t.Fatalf("turn %d: deadline %v", turn, h.Deadline())
		}
		h.Advance(0)
		if len(h.got) != turn+1 {
			t.Fatalf("turn %d: %d delivered", turn, len(h.got))
		}
	}
	accounted(t, h.Stack)
}

func TestLoopbackBounded(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	for i := range maxLoopback + 5 {
		err := h.send(0, addrA, "x")
		if i < maxLoopback && err != nil || i >= maxLoopback && !errors.Is(err, ErrQueueFull) {
			t.Fatalf("datagram %d: %v", i, err)
		}
	}
	h.Advance(0)
	stats := h.Stats()
	if stats.DatagramsLooped != maxLoopback || stats.Output.QueueFull != 5 {
		t.Errorf("%+v", stats)
	}
	accounted(t, h.Stack)
}

func TestLoopbackUnknownProtocol(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	other := h.Port(99)
	if err := other.Send(0, addrA, copy(other.Buffer(), "x")); err != nil {
		t.Fatal(err)
	}
	h.Advance(0)
	if stats := h.Stats(); stats.Output.UnknownProtocol != 1 || stats.DatagramsLooped != 0 {
		t.Errorf("%+v", stats)
	}
	accounted(t, h.Stack)
}

// A send from within Receive may not disturb the payload that is being read.
func TestSendWithinReceive(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	h.then = func(now time.Duration) { _ = h.send(now, addrB, "answer") }
	h.Input(0, ipFrame(t, "question", nil))
	if diff := cmp.Diff([]string{"ip 10.77.0.2 answer to 02:00:00:00:00:0b"}, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}
}
