package tcpmod

import (
	"testing"
	"time"

	"deputy/internal/wire"
)

// RFC 5961, section 3: only the exact reset resets.
func TestReset(t *testing.T) {
	for _, state := range synchronized {
		s := inState(t, state, Options{})
		next := s.c.rcv.nxt.sub(s.peerISS)
		s.in("R", next-1, 0, "")
		s.in("R", next+0x7fffff, 0, "") // beyond the window
		s.out()
		s.state(state)
		if state == TimeWait {
			continue
		}
		s.in("R", next+1, 0, "")
		if len(s.port.out) != 1 || Header(s.port.out[0]).Flags() != ACK {
			t.Fatalf("%v: no challenge ACK", state)
		}
		s.state(state)
		s.in("R", next, 0, "")
		s.state(Closed)
		switch state {
		case Established, FinWait1, FinWait2:
			s.events("end " + ErrReset.Error())
		default: // the peer had closed in good order: the writer is told
			s.events()
			if s.c.Err() != ErrReset {
				t.Errorf("%v: Err %v", state, s.c.Err())
			}
		}
	}
}

// RFC 5961, section 4.
func TestSYNInSynchronizedState(t *testing.T) {
	for _, state := range synchronized {
		s := inState(t, state, Options{})
		for _, seq := range []int{0, 1, 2, 500, 0x7fffff} {
			if state == TimeWait && seq > 1 {
				continue // a new connection; see TestTimeWaitReuse
			}
			s.port.out = nil
			s.in("S", seq, 0, "")
			if len(s.port.out) != 1 || Header(s.port.out[0]).Flags() != ACK {
				t.Errorf("%v: no challenge ACK for sequence number %d", state, seq)
			}
			s.state(state)
		}
	}
}

// RFC 5961, section 5.
func TestAckOutOfRange(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("PA", 1, 2, "evil") // what was never sent
	s.out("A 1:1(0) ack 1")
	s.in("PA", 1, 1-60001, "evil") // older than the largest window
	s.out("A 1:1(0) ack 1")
	if len(s.ev.data) != 0 {
		t.Errorf("data %q was accepted", s.ev.data)
	}
	s.in("PA", 1, 1-60000, "old")
	if string(s.ev.data) != "old" {
		t.Errorf("data %q, want that of an old segment", s.ev.data)
	}
}

func TestChallengesAreLimited(t *testing.T) {
	s := inState(t, Established, Options{})
	for range 1000 {
		s.in("S", 500, 0, "")
	}
	if n := len(s.port.out); n != challengeBurst {
		t.Errorf("%d challenge ACKs, want %d", n, challengeBurst)
	}
	s.port.out = nil
	s.wait(challengeInterval)
	s.in("S", 500, 0, "")
	s.in("S", 500, 0, "")
	s.out("A 1:1(0) ack 1")
}

// The limit must not silence the answers to retransmissions.
func TestRetransmissionsAreAlwaysAnswered(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("PA", 1, 1, "data")
	s.e.Flush(s.now)
	s.port.out = nil
	for range 100 {
		s.in("PA", 1, 1, "data")
	}
	if n := len(s.port.out); n != 100 {
		t.Errorf("%d answers to 100 retransmissions", n)
	}
	if string(s.ev.data) != "data" {
		t.Errorf("data %q", s.ev.data)
	}
}

// Two ends that disagree must not answer each other for ever.
func TestNoAckWar(t *testing.T) {
	s := newSim(1)
	a, b := user{hold: true, greedy: true}, user{hold: true, greedy: true}
	s.connect(t, Options{}, &a, &b)
	s.Run(time.Second, func() bool { return a.open && b.open })
	a.c.snd.una, a.c.snd.nxt = a.c.snd.una+1e6, a.c.snd.nxt+1e6
	b.c.rcv.nxt += 3e6
	b.c.in.head += 3e6
	b.c.rcv.edge += 3e6
	before := s.Sent
	a.c.Write(s.Now, []byte("x"))
	s.Run(time.Second, func() bool { return false })
	if n := s.Sent - before; n > 200 {
		t.Errorf("%d segments in a second", n)
	}
}

func TestOutsideTheWindow(t *testing.T) {
	s := inState(t, Established, Options{ReceiveBuffer: 4000})
	s.in("PA", 4001, 1, "far") // the first byte beyond the edge
	s.out("A 1:1(0) ack 1")
	s.in("PA", 3999, 1, "edge") // half in
	s.out("A 1:1(0) ack 1")
	s.in("A", 1, 1, string(make([]byte, 3998)))
	if n := len(s.ev.data); n != 4000 {
		t.Errorf("%d bytes, want all within the window, 4000", n)
	}
}

func TestSegmentWithoutAckIsDropped(t *testing.T) {
	for _, state := range synchronized {
		s := inState(t, state, Options{})
		s.in("P", s.c.rcv.nxt.sub(s.peerISS), 0, "data")
		s.out()
		s.state(state)
		if len(s.ev.data) != 0 {
			t.Errorf("%v: data was accepted", state)
		}
	}
}

func TestMalformed(t *testing.T) {
	s := inState(t, Established, Options{})
	good := make([]byte, HeaderLen)
	Header(good).put(0, 0, HeaderLen, ACK, 0)
	for n := range HeaderLen {
		s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], good[:n])
	}
	for _, offset := range []byte{0, 4, 15} {
		good[offData] = offset << 4
		s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], good)
	}
	s.out()
	if n := s.e.Stats().Malformed; n != HeaderLen+3 {
		t.Errorf("%d counted", n)
	}
}

func TestMalformedSYNOptions(t *testing.T) {
	for _, b := range [][]byte{
		{optMSS}, {optMSS, 0}, {optMSS, 1}, {optMSS, 5, 1, 1}, {optScale, 2}, {8, 255}, {optSACKPermitted, 3, 0}, {optTimestamps, 9, 0, 0, 0, 0, 0, 0, 0}, {optEnd, optMSS, 4, 1, 1}, {optScale},
	} {
		if o := parseSYNOptions(b); o != (synOptions{}) {
			t.Errorf("%x: %+v", b, o)
		}
	}
	if o := parseSYNOptions([]byte{4, 2, optScale, 3, 200, optMSS, 4, 1, 2}); o != (synOptions{mss: 258, scale: maxScale, hasScale: true, sack: true}) {
		t.Errorf("%+v", o)
	}
}
