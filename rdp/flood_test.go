package rdp

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"deputy/internal/wire"
)

// inFrom hands a segment in from another port of the peer.
func (s *script) inFrom(port int, segment string) {
	s.t.Helper()
	b := s.encode(segment)
	binary.BigEndian.PutUint16(b[offSource:], uint16(port))
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
}

// TestSYNFlood: the backlog bounds the half-open connections, and the established one goes on.
func TestSYNFlood(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	open := s.r
	for round := range 5 {
		for port := 1; port < 10_000; port++ {
			s.inFrom(port, "<SEQ=100><SYN>")
		}
		if got := s.e.Stats().Connections; got > DefaultBacklog+1 {
			t.Fatalf("%d connections", got)
		}
		s.port.out = nil
		s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=x>", 101+round))
		s.out(fmt.Sprintf("<SEQ=201><ACK=%d>", 101+round))
		s.wait(time.Second)
	}
	s.port.out = nil
	s.got("x", "x", "x", "x", "x")
	s.wait(10 * time.Second) // the half-open ones are given up
	if got := s.e.Stats().Connections; got != 1 || open.State() != StateOpen {
		t.Errorf("%d connections left, the first in %v", got, open.State())
	}
	s.inFrom(20_000, "<SEQ=100><SYN>") // and the listener takes others
	if got := s.e.Stats().Connections; got != 2 {
		t.Errorf("%d connections", got)
	}
}

// TestReceiveMemory: segments that wait, out of order or for a user who doesn't take them, are bounded over all
// connections; what can be delivered at once is delivered nevertheless.
func TestReceiveMemory(t *testing.T) {
	s := newScript(t)
	const limit = 100 * scriptMTU
	s.e = New(&s.port, Config{ReceiveMemory: limit})
	s.e.fixedISS = func() uint32 { return localISS }
	users := make(map[uint16]*recorder)
	records := make(map[uint16]*Record)
	if err := s.e.Listen(scriptLocal, Options{}, func(_ time.Duration, r *Record) Events {
		u := &recorder{take: -1}
		users[r.remote.Port()], records[r.remote.Port()] = u, r
		return u
	}); err != nil {
		t.Fatal(err)
	}
	const peers = 40
	for port := 1; port <= peers; port++ {
		s.inFrom(port, "<SEQ=100><SYN>")
		s.inFrom(port, "<SEQ=101><ACK=200>")
	}
	for port := 2; port <= peers; port++ {
		if port%2 == 0 { // takes nothing: 101 is offered
			users[uint16(port)].take = 0
			s.inFrom(port, "<SEQ=101><ACK=200><Data=offered>")
		} // else 101 is missing
		for seq := 102; seq < 120; seq++ {
			s.inFrom(port, fmt.Sprintf("<SEQ=%d><ACK=200><Data=%d>", seq, seq))
		}
		if err := s.e.check(); err != nil {
			t.Fatal(err)
		}
	}
	if got, most := s.e.waiting, limit+peers*scriptMTU; got < limit || got > most {
		t.Errorf("%d bytes wait, limits %d and %d", got, limit, most)
	}
	if s.e.Stats().NoMemory == 0 {
		t.Error("nothing was dropped")
	}
	s.inFrom(1, "<SEQ=101><ACK=200><Data=a>")
	s.inFrom(1, "<SEQ=102><ACK=200><Data=b>")
	if got := users[1].got; len(got) != 2 {
		t.Errorf("delivered %q", got)
	}
	for port := 2; port <= peers; port++ { // the peers send again, and all goes on
		users[uint16(port)].take = -1
		records[uint16(port)].Resume(s.now)
	}
	for port := 2; port <= peers; port++ {
		for seq := 101; seq < 120; seq++ {
			s.inFrom(port, fmt.Sprintf("<SEQ=%d><ACK=200><Data=%d>", seq, seq))
		}
		if got := users[uint16(port)].got; len(got) != 19 || got[18] != "119" {
			t.Errorf("port %d: delivered %q", port, got)
		}
	}
	if s.e.waiting != 0 || s.e.buffers.lent != 0 {
		t.Errorf("%d bytes wait in %d buffers", s.e.waiting, s.e.buffers.lent)
	}
}

// TestDropsUnderPressureAreRepaired: what was dropped is sent again, and nothing is lost or delivered twice.
func TestDropsUnderPressureAreRepaired(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		s := newSim(t, seed)
		s.Loss, s.Reorder = 0.03, 0.2
		fixed := s.Ends[1].fixedISS
		s.Ends[1] = New(s.Ports[1], Config{ReceiveMemory: 4 * 1480})
		s.Ends[1].fixedISS = fixed
		a, b := simUser{total: 500, longest: 1400}, simUser{lazy: seed%2 == 0}
		o := Options{ArrivalOrder: seed%4 >= 2}
		s.connect(o, o, &a, &b)
		for range 10_000 {
			if s.Run(10*time.Millisecond, func() bool { return a.ended && b.ended }) {
				break
			}
			s.poke(&b)
		}
		if len(b.got) != 500 || !b.ended {
			t.Fatalf("seed %d at %v: got %d, %v, %v\n%+v", seed, s.Now, len(b.got), a.err, b.err, a.r.Info())
		}
		// Only who delivers in the order of arrival, to a user who takes everything, needs no memory.
		if needs := b.lazy || !o.ArrivalOrder; (s.Ends[1].Stats().NoMemory > 0) != needs {
			t.Errorf("seed %d: %d were dropped", seed, s.Ends[1].Stats().NoMemory)
		}
	}
}
