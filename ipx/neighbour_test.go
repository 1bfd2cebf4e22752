package ipx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deputy/link"
)

// step is what happens at a time and what is then sent.
type step struct {
	at   time.Duration
	do   func(h *host, now time.Duration)
	want []string
}

// run plays steps. Between them Advance is called at each deadline; what is
// sent then belongs to the next step.
func run(t *testing.T, h *host, steps []step) {
	t.Helper()
	for i, step := range steps {
		h.advanceTo(step.at)
		if step.do != nil {
			step.do(h, step.at)
		}
		if diff := cmp.Diff(step.want, describeAll(t, h.frames())); diff != "" {
			t.Fatalf("step %d at %v: %s", i, step.at, diff)
		}
		accounted(t, h.Stack)
	}
}

func sendTo(dst netip.Addr, payload string) func(*host, time.Duration) {
	return func(h *host, now time.Duration) {
		h.t.Helper()
		if err := h.send(now, dst, payload); err != nil {
			h.t.Fatalf("at %v: %v", now, err)
		}
	}
}

func input(frame []byte) func(*host, time.Duration) {
	return func(h *host, now time.Duration) { h.Input(now, frame) }
}

func fromB(payload string) string { return "ip 10.77.0.2 " + payload + " to 02:00:00:00:00:0b" }

var (
	replyB   = arpFrame(hwA, arpReply, hwB, addrB, hwA, addrA)
	requestB = arpFrame(link.Broadcast, arpRequest, hwB, addrB, hwNil, addrA)
)

func TestResolve(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	run(t, h, []step{
		{0, sendTo(addrB, "one"), []string{askForB}},
		{1 * ms, sendTo(addrB, "two"), nil},
		{2 * ms, sendTo(addrB, ""), nil},
		{3 * ms, input(replyB), []string{fromB("one"), fromB("two"), fromB("")}},
		{4 * ms, sendTo(addrB, "four"), []string{fromB("four")}},
		{5 * ms, input(replyB), nil},
	})
	stats := h.Stats()
	if stats.DatagramsQueued != 3 || stats.DatagramsSent != 4 || stats.ARPRequestsSent != 1 || stats.Neighbours != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestAnswer(t *testing.T) {
	forC := arpFrame(link.Broadcast, arpRequest, hwB, addrB, hwNil, addrC)
	h := newHost(t, prefixA, hwA)
	run(t, h, []step{
		{0, input(forC), nil}, // not for us: neither answered nor learned
		{0, func(h *host, _ time.Duration) {
			if n := h.Stats().Neighbours; n != 0 {
				t.Errorf("%d neighbours learned from others' talk", n)
			}
		}, nil},
		{1 * ms, input(replyB), nil}, // not asked for: not learned
		{1 * ms, func(h *host, _ time.Duration) {
			if n := h.Stats().Neighbours; n != 0 {
				t.Errorf("%d neighbours learned from a reply to nothing", n)
			}
		}, nil},
		{2 * ms, input(requestB), []string{tellB}},
		{3 * ms, sendTo(addrB, "known"), []string{fromB("known")}}, // learned by answering
		{4 * ms, input(arpFrame(hwA, arpRequest, hwB, addrB, hwA, addrA)), []string{tellB}},
	})
	if stats := h.Stats(); stats.ARPRepliesSent != 2 || stats.ARPReceived != 4 {
		t.Errorf("%+v", stats)
	}
}

// The reply by gopacket's reading, since describe leaves out some fields.
func TestAnswerAgainstGopacket(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.Input(0, requestB)
	sent := h.frames()
	if len(sent) != 1 {
		t.Fatalf("%d frames", len(sent))
	}
	ethernet, arp := decodeARP(t, sent[0])
	if link.Addr(ethernet.SrcMAC) != hwA || link.Addr(ethernet.DstMAC) != hwB || arp.Operation != arpReply ||
		link.Addr(arp.SourceHwAddress) != hwA || link.Addr(arp.DstHwAddress) != hwB ||
		mustFromSlice(arp.SourceProtAddress) != addrA || mustFromSlice(arp.DstProtAddress) != addrB {
		t.Errorf("%+v %+v", ethernet, arp)
	}
}

func mustFromSlice(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Requests at 0, 20, 60, 140, 300, 620 and 1260 ms; failure at 2260 ms; silence
// for a second; then again from the beginning.
func TestUnreachable(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	refused := func(h *host, now time.Duration) {
		t.Helper()
		if err := h.send(now, addrB, "lost"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("at %v: %v, want %v", now, err, ErrUnreachable)
		}
	}
	ask := []string{askForB}
	run(t, h, []step{
		{0, sendTo(addrB, "one"), ask},
		{19 * ms, nil, nil},
		{20 * ms, nil, ask},
		{59 * ms, sendTo(addrB, "two"), nil},
		{60 * ms, nil, ask},
		{140 * ms, nil, ask},
		{300 * ms, nil, ask},
		{620 * ms, nil, ask},
		{1260 * ms, nil, ask},
		{2259 * ms, sendTo(addrB, "three"), nil},
		{2260 * ms, refused, nil},
		{3259 * ms, refused, nil},
		{3260 * ms, sendTo(addrB, "four"), ask},
		{3270 * ms, input(replyB), []string{fromB("four")}},
	})
	stats := h.Stats()
	if want := (OutputDrops{Unreachable: 5}); stats.Output != want || stats.NeighbourFailed != 1 {
		t.Errorf("%+v", stats)
	}
}

// A neighbour that failed is back as soon as it says a word.
func TestUnreachableAnswersLate(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	_ = h.send(0, addrB, "lost")
	h.advanceTo(2260 * ms)
	h.frames()
	run(t, h, []step{
		{2500 * ms, input(replyB), nil},
		{2501 * ms, sendTo(addrB, "hello"), []string{fromB("hello")}},
		{4000 * ms, sendTo(addrB, "hello"), []string{fromB("hello")}},
	})
}

func TestWaitingIsBounded(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	for i := range maxWaiting + 3 {
		if err := h.send(0, addrB, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	h.frames()
	h.Input(ms, replyB)
	var want []string
	for i := range maxWaiting {
		want = append(want, fromB(fmt.Sprint(i+3)))
	}
	if diff := cmp.Diff(want, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}
	if got := h.Stats().Output; got != (OutputDrops{Displaced: 3}) {
		t.Errorf("%+v", got)
	}
	accounted(t, h.Stack)
}

// All neighbours together hold no more than maxBuffers datagrams, and one for
// which there was no room is still asked for.
func TestBuffersAreBounded(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	full := 0
	for i := range 20 {
		for range maxWaiting {
			switch err := h.send(0, netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + i)}), "x"); {
			case errors.Is(err, ErrQueueFull):
				full++
			case err != nil:
				t.Fatal(err)
			}
		}
	}
	if want := 20*maxWaiting - maxBuffers; full != want || h.Stats().Output.QueueFull != uint64(want) {
		t.Errorf("%d without room, want %d: %+v", full, want, h.Stats())
	}
	if got := len(h.frames()); got != 20 {
		t.Errorf("%d requests, want 20", got)
	}
	accounted(t, h.Stack)
	h.advanceTo(time.Hour)
	accounted(t, h.Stack)
	if h.small.lent != 0 || h.Stats().Neighbours != 0 {
		t.Errorf("%d buffers, %d neighbours left", h.small.lent, h.Stats().Neighbours)
	}
}

// After a minute a neighbour in use is polled by unicast, and stays usable.
func TestPoll(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	const minute = time.Minute
	run(t, h, []step{
		{10 * time.Second, sendTo(addrB, "x"), []string{fromB("x")}},
		{minute - 1, nil, nil},
		{minute, nil, []string{pollB}},
		{minute, sendTo(addrB, "y"), []string{fromB("y")}},
		{minute + 999*ms, nil, nil},
		{minute + 1000*ms, nil, []string{pollB}},
		{minute + 1500*ms, input(replyB), nil},
		{2*minute + 1499*ms, sendTo(addrB, "z"), []string{fromB("z")}},
		{2*minute + 1500*ms, nil, []string{pollB}},
		{2*minute + 2500*ms, nil, []string{pollB}},
		{2*minute + 3500*ms, nil, []string{pollB}},
		{2*minute + 4499*ms, sendTo(addrB, "still"), []string{fromB("still")}},
		{2*minute + 4500*ms, sendTo(addrB, "gone"), []string{askForB}}, // from the beginning
	})
	if got := h.Stats().NeighbourFailed; got != 1 {
		t.Errorf("%d failed", got)
	}
}

// What waited for the answer counts as use.
func TestResolvedIsPolled(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	run(t, h, []step{
		{0, sendTo(addrB, "x"), []string{askForB}},
		{3 * ms, input(replyB), []string{fromB("x")}},
		{time.Minute + 3*ms, nil, []string{pollB}},
	})
}

func TestUnusedIsForgotten(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	run(t, h, []step{
		{time.Minute - 1, nil, nil},
		{time.Minute, nil, nil},
	})
	if stats := h.Stats(); stats.Neighbours != 0 || h.Deadline() != Never {
		t.Errorf("deadline %v, %+v", h.Deadline(), stats)
	}
}

// Used once, confirmed later, then idle: no poll either.
func TestIdleIsForgotten(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	run(t, h, []step{
		{1 * time.Second, sendTo(addrB, "x"), []string{fromB("x")}},
		{2 * time.Second, input(requestB), []string{tellB}},
		{62 * time.Second, nil, nil},
	})
	if stats := h.Stats(); stats.Neighbours != 0 {
		t.Errorf("%+v", stats)
	}
}

// The template follows the hardware address, also the one that Send caches.
func TestHardwareChanges(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	gratuitous := arpFrame(link.Broadcast, arpRequest, hwC, addrB, hwNil, addrB)
	run(t, h, []step{
		{1 * ms, sendTo(addrB, "x"), []string{fromB("x")}},
		{2 * ms, input(gratuitous), nil},
		{3 * ms, sendTo(addrB, "y"), []string{"ip 10.77.0.2 y to 02:00:00:00:00:0c"}},
	})
	if got := h.Stats().NeighbourChanges; got != 1 {
		t.Errorf("%d changes", got)
	}
}

// A flood of requests fills the table and no more, and drives out nobody whom
// we talk to; and there is always room for one whom we want to talk to.
func TestTableIsBounded(t *testing.T) {
	h := newHost(t, mustPrefix("10.77.0.1/16"), hwA)
	h.knowsB(0)
	if err := h.send(0, addrB, "x"); err != nil {
		t.Fatal(err)
	}
	h.frames()
	flood := func(from, count int) {
		for i := range count {
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], 10<<24|77<<16|uint32(from+i))
			hardware := link.Addr{2, 1, 0, 0, byte((from + i) >> 8), byte(from + i)}
			h.Input(ms, arpFrame(link.Broadcast, arpRequest, hardware, netip.AddrFrom4(a), hwNil, addrA))
		}
		h.frames()
	}
	flood(1000, 3*maxNeighbours)
	if got := h.Stats().Neighbours; got != maxNeighbours {
		t.Errorf("%d neighbours", got)
	}
	if err := h.send(2*ms, addrB, "y"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{fromB("y")}, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}
	if err := h.send(2*ms, addrC, "z"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ask 10.77.0.1 10.77.0.3 to ff:ff:ff:ff:ff:ff"}, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}

	// With every neighbour in use, a stranger is answered but not learned.
	for _, n := range h.neighbours.all {
		n.used = 3 * ms
	}
	flood(10_000, 1)
	stats := h.Stats()
	if stats.Neighbours != maxNeighbours || stats.NeighboursFull != 1 || stats.ARPRepliesSent != 2+3*maxNeighbours {
		t.Errorf("%+v", stats)
	}
	if len(h.neighbours.byAddr) != maxNeighbours {
		t.Errorf("%d addresses", len(h.neighbours.byAddr))
	}
	accounted(t, h.Stack)
}

// A neighbour for which datagrams wait keeps its place in a full table, though
// it is the one that was used longest ago.
func TestWaitingIsNotDrivenOut(t *testing.T) {
	h := newHost(t, mustPrefix("10.77.0.1/16"), hwA)
	if err := h.send(0, addrB, "waits"); err != nil {
		t.Fatal(err)
	}
	for i := range maxNeighbours {
		_ = h.send(ms, netip.AddrFrom4([4]byte{10, 77, byte(1 + i>>8), byte(i)}), "x")
	}
	h.frames()
	h.Input(2*ms, replyB)
	if diff := cmp.Diff([]string{fromB("waits")}, describeAll(t, h.frames())); diff != "" {
		t.Error(diff)
	}
	accounted(t, h.Stack)
}

// Where all buffers are lent and each neighbour of a full table has some, a
// new one finds no place.
func TestNoPlaceForNeighbour(t *testing.T) {
	h := newHost(t, mustPrefix("10.77.0.1/16"), hwA)
	h.small.limit = maxNeighbours
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, byte(1 + i>>8), byte(i)}) }
	for i := range maxNeighbours {
		if err := h.send(0, addr(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.send(ms, addrB, "x"); !errors.Is(err, ErrQueueFull) {
		t.Errorf("%v, want %v", err, ErrQueueFull)
	}
	if stats := h.Stats(); stats.Output.QueueFull != 1 || stats.Neighbours != maxNeighbours {
		t.Errorf("%+v", stats)
	}
	accounted(t, h.Stack)
}

// A request that the device doesn't take is repeated like one that was lost.
func TestRequestFails(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.dev.err = errDevice
	if err := h.send(0, addrB, "x"); err != nil {
		t.Errorf("%v: the datagram waits", err)
	}
	h.dev.err = nil
	run(t, h, []step{
		{20 * ms, nil, []string{askForB}},
		{21 * ms, input(replyB), []string{fromB("x")}},
	})
	if got := h.Stats().ARPSendErrors; got != 1 {
		t.Errorf("%d errors", got)
	}
}
