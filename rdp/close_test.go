package rdp

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

const (
	endClosed  = "end: use of closed network connection"
	endEOF     = "end: EOF"
	endReset   = "end: rdp: connection reset by peer"
	endTimeout = "end: rdp: peer does not answer: connection timed out"
	endUnread  = "end: rdp: peer closed without taking all data: connection reset by peer"
)

func TestCloseIsOrderly(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.r.Close(s.now)
	s.sent("<SEQ=201><ACK=101><RST>")
	s.events(endClosed)
	s.state(StateCloseWait)
	s.r.Close(s.now)
	s.r.Abort(s.now)
	s.events()
	if n := s.r.Write(s.now, []byte("x")); n != 0 || s.r.Err() != net.ErrClosed {
		t.Errorf("Write took %d, %v", n, s.r.Err())
	}
	s.in("<SEQ=102><ACK=200><RST>")
	s.wait(DefaultCloseWait)
	s.sent()
	s.idle()
}

func TestPeerCloses(t *testing.T) {
	for _, tc := range []struct {
		name, rst, end string
		wrote          bool
	}{
		{name: "orderly", rst: "<SEQ=101><ACK=200><RST>", end: endEOF},
		{name: "abort", rst: "<SEQ=101><RST>", end: endReset},
		{name: "orderly, all taken", rst: "<SEQ=101><ACK=201><RST>", wrote: true, end: endEOF},
		{name: "orderly, something not taken", rst: "<SEQ=101><ACK=200><RST>", wrote: true, end: endUnread},
		{name: "orderly, but a segment is missing", rst: "<SEQ=102><ACK=200><RST>", end: endReset},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := inState(t, StateOpen, Options{})
			if tc.wrote {
				s.write("x")
			}
			s.port.out = nil
			s.in(tc.rst)
			s.events(tc.end)
			s.state(StateCloseWait)
			if err := s.r.WriteMessage(s.now, []byte("x")); err == nil {
				t.Error("WriteMessage after the end")
			}
			s.port.out = nil
			s.wait(DefaultCloseWait)
			s.sent() // who was reset repeats nothing
			s.idle()
		})
	}
}

// TestPeerClosesWithDataUnread: what has arrived is delivered before the end; writing ends at once.
func TestPeerClosesWithDataUnread(t *testing.T) {
	s := inState(t, StateOpen, Options{SendBuffer: 1, Outstanding: 2})
	s.user.take = 1
	s.write("x")
	if err := s.r.WriteMessage(s.now, []byte("y")); err != ErrNoSpace {
		t.Fatal(err)
	}
	s.in("<SEQ=101><ACK=200><Data=abc>")
	s.in("<SEQ=102><ACK=200><Data=de>")
	s.in("<SEQ=103><ACK=201><RST>")
	s.got("a")
	s.events("space") // there never will be
	if n := s.r.Write(s.now, []byte("y")); n != 0 || !errors.Is(s.r.Err(), syscall.EPIPE) {
		t.Errorf("Write took %d, %v", n, s.r.Err())
	}
	s.wait(time.Minute)
	s.state(StateClosed)
	s.user.take = 3
	s.r.Resume(s.now)
	s.got("bc", "d")
	s.events()
	s.user.take = -1
	s.r.Resume(s.now)
	s.got("e")
	s.events(endEOF)
	s.port.out = nil
	s.idle()
}

// TestPeerClosesAndNobodyReads: Close and Abort end what waits for a reader.
func TestPeerClosesAndNobodyReads(t *testing.T) {
	for _, call := range []func(*Record, time.Duration){(*Record).Close, (*Record).Abort} {
		for _, later := range []bool{false, true} {
			s := inState(t, StateOpen, Options{})
			s.user.take = 0
			s.in("<SEQ=101><ACK=200><Data=abc>")
			s.in("<SEQ=102><ACK=200><RST>")
			if later {
				s.wait(time.Minute)
			}
			s.events()
			call(s.r, s.now)
			s.events(endClosed)
			s.wait(time.Minute)
			s.idle()
		}
	}
}

// TestCloseWithUnreadData tells the peer that something was lost, as RFC 2525 (section 2.17) asks of a TCP.
func TestCloseWithUnreadData(t *testing.T) {
	for name, tc := range map[string]func(s *script){
		"not taken":       func(s *script) { s.in("<SEQ=101><ACK=200><Data=abc>") },
		"partly taken":    func(s *script) { s.user.take = 1; s.in("<SEQ=101><ACK=200><Data=abc>") },
		"behind a hole":   func(s *script) { s.in("<SEQ=102><ACK=200><Data=abc>") },
		"in the event":    func(s *script) { s.user.onData = s.r.Close; s.in("<SEQ=101><ACK=200><Data=abc>") },
		"while resuming":  func(s *script) { s.in("<SEQ=101><ACK=200><Data=abc>"); s.user.onData = s.r.Close; s.r.Resume(s.now) },
		"after the close": func(s *script) { s.write("x"); s.r.Close(s.now); s.in("<SEQ=101><ACK=201><Data=abc>") },
	} {
		t.Run(name, func(t *testing.T) {
			s := inState(t, StateOpen, Options{})
			s.user.take = 0
			tc(s)
			s.r.Close(s.now)
			s.events(endClosed)
			if len(s.port.out) == 0 {
				t.Fatal("nothing was sent")
			}
			h, _, err := Parse(s.port.out[len(s.port.out)-1])
			if err != nil || h.Flags() != RST {
				t.Errorf("the last segment has flags %#x, want RST alone", h.Flags())
			}
			s.wait(time.Minute)
			s.idle()
		})
	}
}

// TestCloseDiscardsAndAcknowledges: the peer too must get rid of what it sends, or two that close would wait for ever.
func TestCloseDiscardsAndAcknowledges(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.write("x")
	s.r.Close(s.now)
	s.port.out = nil
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.out("<SEQ=202><ACK=101>")
	s.got()
	s.in("<SEQ=102><ACK=201><RST>") // orderly, and all that we wrote was taken
	s.events(endClosed)
}

// TestBothClose at the same time.
func TestBothClose(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.r.Close(s.now)
	s.sent("<SEQ=201><ACK=100><RST>")
	s.in("<SEQ=101><ACK=200><RST>")
	s.sent()
	s.events(endClosed)
	s.wait(time.Minute)
	s.sent()
	s.idle()
}

// TestAbort loses what is under way, at once.
func TestAbort(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.user.take = 0
	s.write("x", "y")
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.in("<SEQ=103><ACK=200><Data=c>")
	s.port.out = nil
	s.r.Abort(s.now)
	s.sent("<SEQ=203><RST>")
	s.events(endClosed)
	s.wait(time.Minute)
	s.idle()
}

// TestAbortInAnEvent: the endpoint goes on with a connection that is gone.
func TestAbortInAnEvent(t *testing.T) {
	for _, call := range []func(*Record, time.Duration){(*Record).Close, (*Record).Abort} {
		s := inState(t, StateSynReceived, Options{})
		s.user.onOpen = func(now time.Duration) { call(s.r, now) }
		s.in("<SEQ=101><ACK=200><Data=a>")
		s.events("open", endClosed)
		s.got()

		for _, first := range []string{"<SEQ=101><ACK=200><Data=a>", "<SEQ=102><ACK=200><Data=b>"} {
			s = inState(t, StateOpen, Options{})
			s.user.onData = func(now time.Duration) { call(s.r, now) }
			s.in(first)
			s.in("<SEQ=101><ACK=200><Data=a>")
			s.in("<SEQ=102><ACK=200><Data=b>")
			s.events(endClosed)
			s.got("a")
			s.wait(time.Minute)
			s.idle()
		}
	}
}

// TestLinger: a peer that lives and takes nothing does not keep a closed connection for ever.
func TestLinger(t *testing.T) {
	s := inState(t, StateOpen, Options{Linger: 10 * time.Second, KeepAlive: -1})
	s.write("x", "y")
	s.r.Close(s.now)
	start := s.now
	answer := func() {
		s.port.out = nil
		s.wait(500 * time.Millisecond)
		s.in("<SEQ=101><ACK=200><EA=201,202>") // alive
	}
	for range 10 {
		answer()
	}
	s.in("<SEQ=101><ACK=201>") // progress: another 10 s
	for s.r.State() == StateOpen && s.now < start+time.Minute {
		answer()
	}
	s.events(endTimeout)
	if d := s.now - start; d < 15*time.Second || d > 16*time.Second {
		t.Errorf("ended after %v", d)
	}
	s.wait(time.Minute)
	s.idle()
}

// TestCloseWriteEndsWritingOnly.
func TestCloseWriteEndsWritingOnly(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.r.CloseWrite(s.now)
	if n := s.r.Write(s.now, []byte("x")); n != 0 || s.r.Err() != ErrClosing {
		t.Errorf("Write took %d, %v", n, s.r.Err())
	}
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.got("a")
	s.out("<SEQ=201><ACK=101>")
	s.events()
}

// TestCloseWaitIsSilentToTheRest: SYNs and segments of other connections.
func TestCloseWaitIsSilentToTheRest(t *testing.T) {
	s := inState(t, StateCloseWait, Options{})
	s.in("<SEQ=101><SYN>")
	s.in("<SEQ=100000><ACK=200><Data=x>")
	s.in("<SEQ=100000><RST>") // doesn't stop the repetition
	s.sent()
	s.waitFor(time.Second)
	s.sent("<SEQ=201><RST>")
	n := 0
	for s.wait(time.Minute); len(s.port.out) > 0; s.port.out = s.port.out[1:] {
		n++
	}
	if n < 5 || n > 10 {
		t.Errorf("the RST was repeated %d times", n+1)
	}
	s.idle()
	// And then the ports are free again.
	s.in("<SEQ=900><SYN>")
	s.out("<SEQ=200><ACK=900><SYN>")
}
