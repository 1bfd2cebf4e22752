package nodes

import (
	"errors"
	"log/slog"
	"net/netip"
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
	if d := cmp.Diff(a, got); err != nil || d != "" {
		t.Errorf("parsed back: %v %s", err, d)
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
	addr   netip.Addr
	buffer [1500]byte
	others []*Members
}

func (s *segment) Addr() netip.Addr { return s.addr }
func (s *segment) Buffer() []byte   { return s.buffer[:] }
func (s *segment) Send(now time.Duration, dst netip.Addr, n int) error {
	for _, m := range s.others {
		m.Receive(now, s.addr, dst, append([]byte(nil), s.buffer[:n]...))
	}
	return nil
}

func TestMembers(t *testing.T) {
	member := func(name, addr string) (*Members, *segment) {
		s := &segment{addr: netip.MustParseAddr(addr)}
		return New(s, func() Announcement { return Announcement{Name: name, Processors: 2} }, slog.New(slog.DiscardHandler)), s
	}
	a, netA := member("a", "10.0.0.1")
	b, netB := member("b", "10.0.0.2")
	netA.others, netB.others = []*Members{b}, []*Members{a}
	a.Advance(0) // asks; b answers at once
	if addr, ok := a.Find("b"); !ok || addr != netB.addr {
		t.Errorf("a finds b at %v, %v", addr, ok)
	}
	if addr, ok := b.Find("b"); !ok || addr != netB.addr {
		t.Errorf("b finds itself at %v, %v", addr, ok)
	}
	if all := b.All(0); len(all) != 2 || all[0].Name != "a" || !all[1].Own {
		t.Errorf("b knows %+v", all)
	}
	if a.Deadline() != interval {
		t.Errorf("the next announcement is due at %v", a.Deadline())
	}
	netB.others = nil // b falls silent
	a.Advance(silence + 1)
	if _, ok := a.Find("b"); ok {
		t.Error("b is still known after it was silent")
	}
	a.Receive(0, netB.addr, netA.addr, []byte("noise"))
	if a.Malformed != 1 {
		t.Errorf("%d malformed", a.Malformed)
	}
}

func FuzzParseAnnouncement(f *testing.F) {
	f.Add(AppendAnnouncement(nil, Announcement{Name: "a"}))
	f.Add([]byte("dnod\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAnnouncement(b)
		if err == nil && string(AppendAnnouncement(nil, a)) != string(b) {
			t.Errorf("%q parses as %+v", b, a)
		}
	})
}
