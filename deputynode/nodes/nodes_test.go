package nodes

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnnouncement(t *testing.T) {
	a := Announcement{Name: "b-1.x", Ask: true, Processors: 2, Load: 150, FreeMemory: 1 << 14, Bodies: 3}
	b := AppendAnnouncement(nil, a)
	const want = "dnod\x01\x01\x02\x00\x96\x00\x00\x00\x00\x40\x00\x00\x03\x00\x00\x00\x05b-1.x"
	if string(b) != want {
		t.Errorf("bytes %q, want %q", b, want)
	}
	got, err := ParseAnnouncement(b)
	if d := cmp.Diff(a, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || d != "" {
		t.Errorf("parsed back: %v %s", err, d)
	}
	a.Addr, a.Hops = netip.MustParseAddr("10.0.1.2"), 3
	far := AppendAnnouncement(nil, a)
	if want := strings.Replace(want, "dnod\x01\x01", "dnod\x01\x03", 1) + "\x0a\x00\x01\x02\x03"; string(far) != want {
		t.Errorf("bytes %q, want %q", far, want)
	}
	got, err = ParseAnnouncement(far)
	if d := cmp.Diff(a, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || d != "" {
		t.Errorf("parsed back: %v %s", err, d)
	}
	for n := range far {
		if _, err := ParseAnnouncement(far[:n]); err == nil {
			t.Errorf("the first %d bytes parse", n)
		}
	}
	for n := range b {
		if _, err := ParseAnnouncement(b[:n]); err == nil {
			t.Errorf("the first %d bytes parse", n)
		}
	}
	b[4] = 9
	if _, err := ParseAnnouncement(b); !errors.Is(err, errVersion) {
		t.Errorf("another version: %v", err)
	}
	for _, name := range []string{"", "a b", "ä", "x/y", string(make([]byte, 65))} {
		if CheckName(name) == nil {
			t.Errorf("name %q is taken", name)
		}
	}
}

// segment is a network that delivers to all others at once.
type segment struct {
	ends []*end
	sent int
}

// end is a member's end of a segment.
type end struct {
	addr    netip.Addr
	on      *segment
	buffer  [1500]byte
	handler Handler
}

func (e *end) Addr() netip.Addr { return e.addr }
func (e *end) Buffer() []byte   { return e.buffer[:] }
func (e *end) Send(now time.Duration, dst netip.Addr, n int) error {
	e.on.sent++
	payload := append([]byte(nil), e.buffer[:n]...)
	for _, other := range e.on.ends {
		if other != e {
			other.handler.Receive(now, e.addr, dst, payload)
		}
	}
	return nil
}

// join puts a member on a segment.
func (s *segment) join(m *Members, addr string) *end {
	e := &end{addr: netip.MustParseAddr(addr), on: s}
	e.handler = m.Join(e)
	s.ends = append(s.ends, e)
	return e
}

func member(name string) *Members {
	return New(func() Announcement { return Announcement{Name: name, Processors: 2} }, slog.New(slog.DiscardHandler))
}

func TestMembers(t *testing.T) {
	var net segment
	a, b := member("a"), member("b")
	endA, endB := net.join(a, "10.0.0.1"), net.join(b, "10.0.0.2")
	a.Advance(0) // asks; b answers at once
	if addr, ok := a.Find("b"); !ok || addr != endB.addr {
		t.Errorf("a finds b at %v, %v", addr, ok)
	}
	if addr, ok := b.Find("b"); !ok || addr != endB.addr {
		t.Errorf("b finds itself at %v, %v", addr, ok)
	}
	if all := b.All(0); len(all) != 2 || all[0].Name != "a" || !all[1].Own {
		t.Errorf("b knows %+v", all)
	}
	if a.Deadline() != interval {
		t.Errorf("the next announcement is due at %v", a.Deadline())
	}
	net.ends = nil // b falls silent
	a.Advance(silence + 1)
	if _, ok := a.Find("b"); ok {
		t.Error("b is still known after it was silent")
	}
	endA.handler.Receive(0, endB.addr, endA.addr, []byte("noise"))
	if a.Malformed != 1 {
		t.Errorf("%d malformed", a.Malformed)
	}
}

// TestGateways: nodes behind one or two gateways are found at their own addresses, also where the gateways make a ring,
// in which no announcement goes round for ever; and the nodes of a network that is cut off are forgotten.
func TestGateways(t *testing.T) {
	var nets [3]segment
	a, b, c := member("a"), member("b"), member("c")
	g, h, ring := member("g"), member("h"), member("ring")
	nets[0].join(a, "10.0.1.2")
	nets[1].join(b, "10.0.2.2")
	nets[2].join(c, "10.0.3.2")
	nets[0].join(g, "10.0.1.1")
	nets[1].join(g, "10.0.2.1")
	nets[1].join(h, "10.0.2.9")
	nets[2].join(h, "10.0.3.1")
	want := map[string]string{"a": "10.0.1.2", "b": "10.0.2.2", "c": "10.0.3.2", "g": "10.0.1.1", "h": "10.0.2.9"}
	all := []*Members{a, b, c, g, h}
	check := func(now time.Duration) {
		t.Helper()
		for _, m := range all {
			m.Advance(now)
		}
		for _, m := range all {
			for name, addr := range want {
				if got, ok := m.Find(name); !ok || got != netip.MustParseAddr(addr) {
					t.Errorf("at %v %s finds %s at %v, %v", now, m.self().Name, name, got, ok)
				}
			}
		}
	}
	check(0) // everybody asks, everybody answers
	check(interval)

	nets[2].join(ring, "10.0.3.9")
	nets[0].join(ring, "10.0.1.9")
	want["ring"] = "10.0.3.9"
	all = append(all, ring)
	for now := 2 * interval; now < 10*interval; now += interval {
		for i := range nets {
			nets[i].sent = 0
		}
		check(now)
		for i := range nets { // six nodes announce themselves; in a ring of three networks a relay meets another one at most
			if now > 3*interval && nets[i].sent > 2*len(all) {
				t.Errorf("at %v: %d announcements on network %d", now, nets[i].sent, i+1)
			}
		}
	}

	nets[2].ends, nets[0].ends = nil, nets[0].ends[:2] // c and h's other side are gone, the ring is cut
	for now := 10 * interval; now < 20*interval; now += interval {
		for _, m := range []*Members{a, b, g, h} {
			m.Advance(now)
		}
	}
	for _, gone := range []string{"c", "ring"} {
		if addr, ok := a.Find(gone); ok {
			t.Errorf("a still finds %s at %v", gone, addr)
		}
	}
	if addr, ok := a.Find("b"); !ok {
		t.Errorf("a finds b no more, at %v", addr)
	}
}

func TestNodesAreBounded(t *testing.T) {
	var net segment
	a := member("a")
	e := net.join(a, "10.0.0.1")
	for i := range maxNodes + 10 {
		e.handler.Receive(0, netip.MustParseAddr("10.0.0.2"), e.addr, AppendAnnouncement(nil, Announcement{Name: fmt.Sprint("n", i)}))
	}
	if got := len(a.All(0)); got != 1+maxNodes {
		t.Errorf("%d nodes", got)
	}
}

func FuzzParseAnnouncement(f *testing.F) {
	f.Add(AppendAnnouncement(nil, Announcement{Name: "a"}))
	f.Add(AppendAnnouncement(nil, Announcement{Name: "far", Ask: true, Addr: netip.AddrFrom4([4]byte{10, 0, 1, 2}), Hops: 1}))
	f.Add([]byte("dnod\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAnnouncement(b)
		if err == nil && string(AppendAnnouncement(nil, a)) != string(b) {
			t.Errorf("%q parses as %+v", b, a)
		}
	})
}
