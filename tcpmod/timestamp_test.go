package tcpmod

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// openStamped returns an established connection with timestamps and SACK, whose
// peer's clock shows 100.
func openStamped(t *testing.T) *script {
	t.Helper()
	s := newScript(t)
	s.now = time.Second
	s.listen(Options{Timestamps: true})
	s.in("S", 0, 0, "", slices.Concat(mss1000, sackOK, stamped(100, 0))...)
	s.echoes(100)
	s.in("A", 1, 1, "", stamped(100, s.only().ts.tick(s.now))...)
	s.events("open")
	if i := s.c.Info(); !i.Timestamps || i.MSS != 1000-tsLen {
		t.Fatalf("%+v", i)
	}
	return s
}

// only is the one connection, also before it is accepted.
func (s *script) only() (c *TCB) {
	for _, c = range s.e.conns {
	}
	return c
}

// echoes says that all segments sent since the last look have a timestamp of
// now and echo that one.
func (s *script) echoes(want uint32) {
	s.t.Helper()
	if len(s.port.out) == 0 {
		s.t.Fatal("nothing was sent")
	}
	for _, b := range s.port.out {
		if Header(b).Flags()&SYN != 0 {
			s.iss = seqNum(Header(b).Seq())
		}
		o := segment{options: Header(b).Options()}
		o.parseOptions()
		if !o.hasTS || o.tsEcho != want || o.tsValue != s.only().ts.tick(s.now) {
			s.t.Errorf("%v: timestamp %v %d, echo %d; want %d, %d", Header(b).Flags(), o.hasTS, o.tsValue, o.tsEcho, s.only().ts.tick(s.now), want)
		}
	}
	s.port.out = nil
}

func TestTimestampsAreNegotiated(t *testing.T) {
	for _, x := range []struct{ ours, peers bool }{{true, false}, {false, true}, {false, false}} {
		s := newScript(t)
		s.listen(Options{Timestamps: x.ours})
		syn := mss1000
		if x.peers {
			syn = slices.Concat(mss1000, stamped(100, 0))
		}
		s.in("S", 0, 0, "", syn...)
		if o := parseSYNOptions(Header(s.port.out[0]).Options()); o.hasTS {
			t.Errorf("%+v: the SYN,ACK has timestamps", x)
		}
		s.out("SA 0:0(0) ack 1")
		s.in("A", 1, 1, "")
		if i := s.c.Info(); i.Timestamps || i.MSS != 1000 {
			t.Errorf("%+v: %+v", x, i)
		}
	}
}

// RFC 7323, section 4.3: the echo is of the segment that the last ACK sent was
// waiting for.
func TestEcho(t *testing.T) {
	s := openStamped(t)
	s.in("A", 1, 1, "a", stamped(110, 0)...)
	s.in("A", 2, 1, "b", stamped(120, 0)...)
	s.e.Flush(s.now)
	s.echoes(110) // of two segments under one ACK, the first
	s.in("A", 5, 1, "e", stamped(130, 0)...)
	s.echoes(110) // out of order: nothing new at the left edge
	s.in("A", 3, 1, "cd", stamped(125, 0)...)
	s.echoes(125) // the one that closed the gap
	s.wait(7 * time.Millisecond)
	s.in("A", 6, 1, "f", stamped(126, 0)...)
	s.write("reply")
	s.echoes(126)
	s.c.Abort(s.now)
	if b := s.port.out[0]; Header(b).Flags()&RST == 0 {
		t.Errorf("%v", Header(b).Flags())
	}
}

func TestPAWS(t *testing.T) {
	s := openStamped(t)
	s.in("A", 1, 1, "new", stamped(200, 0)...)
	s.e.Flush(s.now)
	s.port.out = nil
	s.in("A", 4, 1, "old", stamped(199, 0)...)
	s.in("FA", 4, 1, "", stamped(100, 0)...)
	s.in("A", 4, 1, "very old", stamped(201+1<<31, 0)...)
	if string(s.ev.data) != "new" || s.e.Stats().OldTimestamps != 3 {
		t.Errorf("data %q, %+v", s.ev.data, s.e.Stats())
	}
	s.out("A 1:1(0) ack 4", "A 1:1(0) ack 4", "A 1:1(0) ack 4")
	s.in("A", 4, 1, "same", stamped(200, 0)...)
	s.e.Flush(s.now)
	s.in("A", 8, 1, "later", stamped(1<<31+199, 0)...)
	s.e.Flush(s.now)
	s.in("A", 13, 1, "wrapped", stamped(5, 0)...)
	if want := "newsamelaterwrapped"; string(s.ev.data) != want {
		t.Errorf("data %q, want %q", s.ev.data, want)
	}
	// A timestamp of 24 days ago says nothing any more (section 5.5).
	s.c.alive.deadline = Never
	s.wait(tsValid)
	s.in("A", 20, 1, "!", stamped(4, 0)...)
	if want := "newsamelaterwrapped!"; string(s.ev.data) != want {
		t.Errorf("data %q, want %q", s.ev.data, want)
	}
	// A reset is believed whatever its timestamp (section 5.2).
	s.in("R", 21, 0, "", stamped(3, 0)...)
	s.state(Closed)
}

// Segments without the option are let pass, the ACK of the handshake for one:
// to drop it would hang a peer that leaves the option off there.
func TestMissingTimestamp(t *testing.T) {
	s := newScript(t)
	s.listen(Options{Timestamps: true})
	s.in("S", 0, 0, "", slices.Concat(mss1000, stamped(100, 0))...)
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 1, "")
	s.events("open")
	s.in("A", 1, 1, "data")
	if string(s.ev.data) != "data" {
		t.Errorf("data %q", s.ev.data)
	}
}

// With timestamps there is room for three blocks.
func TestSACKBesideTimestamps(t *testing.T) {
	s := openStamped(t)
	for i := range 4 {
		s.in("A", 11+10*i, 1, "x", stamped(100, 0)...)
	}
	s.port.out = s.port.out[3:]
	if n := Header(s.port.out[0]).DataOffset(); n != maxHeaderLen {
		t.Errorf("header of %d bytes", n)
	}
	s.out("A 1:1(0) ack 1 sack 41:42 sack 31:32 sack 21:22")
}

// The echo of a retransmission measures, where without timestamps nothing may
// be measured (Karn), and so ends the backoff.
func TestEchoOfRetransmission(t *testing.T) {
	s := openStamped(t)
	s.write("x")
	s.wait(100 * time.Millisecond)
	if s.c.rtt.shift < 2 {
		t.Fatalf("%d timeouts", s.c.rtt.shift)
	}
	last := Header(s.port.out[len(s.port.out)-1])
	s.in("A", 1, 2, "", stamped(100, binary.BigEndian.Uint32(last.Options()[4:]))...)
	if s.c.rtt.shift != 0 {
		t.Error("the backoff stays")
	}
	// An echo of the future is not ours.
	before := s.c.rtt
	s.write("y")
	s.wait(20 * time.Millisecond)
	s.in("A", 1, 3, "", stamped(100, s.c.ts.tick(s.now)+1)...)
	if s.c.rtt.srtt != before.srtt {
		t.Errorf("SRTT from %v to %v", before.srtt, s.c.rtt.srtt)
	}
}

// A new connection between the same ports has a later clock, so that a peer in
// TIME-WAIT takes its SYN.
func TestTimestampsOfReopening(t *testing.T) {
	var values []uint32
	for _, at := range []time.Duration{0, time.Second} {
		s := newScript(t)
		s.now = at
		s.dialRaw(Options{Timestamps: true})
		values = append(values, parseSYNOptions(Header(s.port.out[0]).Options()).tsValue)
	}
	if d := values[1] - values[0]; d != 1000 {
		t.Errorf("the clock advanced by %d in a second", d)
	}
}

// A segment that isn't the peer's, for its ACK tells nothing, does not set the
// timestamp by which later ones are old.
func TestForgedTimestamp(t *testing.T) {
	s := openStamped(t)
	s.in("P", 1, 0, "x", stamped(100+1<<31-1, 0)...)
	s.in("PA", 1, 1<<30, "x", stamped(100+1<<31-1, 0)...)
	s.in("PA", 1, 1, "honest", stamped(101, 0)...)
	if string(s.ev.data) != "honest" {
		t.Errorf("data %q", s.ev.data)
	}
}
