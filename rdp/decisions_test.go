package rdp

import (
	"fmt"
	"testing"
	"time"

	"deputy/internal/wire"
)

// The tests of the decisions on what no RFC corrects (doc.go), by their numbers there.

// bases are where a test's numbers begin: low, in the upper half, and so that they wrap in it.
var bases = []uint32{0, 1 << 31, 1<<31 - 101, 1<<32 - 102, 1<<32 - 202}

// openAt is an open connection with its numbers moved to base.
func openAt(t *testing.T, base uint32, o Options) *script {
	t.Helper()
	s := newScript(t)
	s.base = base
	s.reach(StateOpen, o)
	return s
}

func TestDecision1NULOutOfOrderSkipsNothing(t *testing.T) {
	for _, base := range bases {
		s := openAt(t, base, Options{})
		s.in("<SEQ=103><ACK=200><NUL>") // 101 and 102 were lost
		s.out("<SEQ=201><ACK=100><EA=103>")
		s.in("<SEQ=101><ACK=200><Data=a>")
		s.out("<SEQ=201><ACK=101><EA=103>")
		s.in("<SEQ=102><ACK=200><Data=b>")
		s.out("<SEQ=201><ACK=103>")
		s.got("a", "b")
	}
}

func TestDecision2FilledHoleAdvancesOverWhatIsBuffered(t *testing.T) {
	for _, base := range bases {
		s := openAt(t, base, Options{})
		for _, seq := range []int{105, 103, 102} {
			s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=%c>", seq, 'a'+seq-101))
		}
		s.sent("<SEQ=201><ACK=100><EA=105>", "<SEQ=201><ACK=100><EA=103,105>", "<SEQ=201><ACK=100><EA=102,103,105>")
		s.in("<SEQ=101><ACK=200><Data=a>")
		s.sent("<SEQ=201><ACK=103><EA=105>") // not 101, and not 105
		s.got("a", "b", "c")
		s.in("<SEQ=104><ACK=200><Data=d>")
		s.sent("<SEQ=201><ACK=105>")
		s.got("d", "e")
	}
}

func TestDecision3SequencedModeBuffers(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.in("<SEQ=102><ACK=200><Data=b>")
	s.in("<SEQ=102><ACK=200><Data=b>")
	s.got()
	s.in("<SEQ=101><ACK=200><Data=a>") // 102 need not come again
	s.got("a", "b")
	s.in("<SEQ=102><ACK=200><Data=b>")
	s.got()
	if got := s.r.Info().Duplicates; got != 2 {
		t.Errorf("%d duplicates counted, want 2", got)
	}
}

func TestDecision3ArrivalOrderDeliversOnce(t *testing.T) {
	for _, base := range bases {
		s := newScript(t)
		s.base, s.sdm = base, false
		s.reach(StateOpen, Options{ArrivalOrder: true})
		if s.r.Info().Sequenced {
			t.Fatal("delivery is sequenced")
		}
		for _, seq := range []int{103, 103, 102, 103, 101, 102, 103, 104} {
			s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=%c>", seq, 'a'+seq-101))
		}
		s.got("c", "b", "a", "d")
		s.port.out = nil
		s.e.Flush(s.now)
		if s.r.acked != s.base+104 {
			t.Errorf("acknowledged %d, want 104", s.r.acked-s.base)
		}
	}
}

// TestDeliveryMode: sequenced if either side wants it, and the answer says so.
func TestDeliveryMode(t *testing.T) {
	for _, tc := range []struct{ peerSequenced, arrivalOrder, want bool }{
		{true, false, true}, {true, true, true}, {false, false, true}, {false, true, false},
	} {
		for _, dial := range []bool{false, true} {
			s := newScript(t)
			s.sdm = tc.peerSequenced
			if dial {
				s.dialQuiet(Options{ArrivalOrder: tc.arrivalOrder})
				s.in("<SEQ=100><SYN>") // at the same time, so that there is an answer to look at
			} else {
				s.listen(Options{ArrivalOrder: tc.arrivalOrder})
				s.in("<SEQ=100><SYN>")
			}
			h, _, err := Parse(s.port.out[len(s.port.out)-1])
			if err != nil || h.Sequenced() != tc.want {
				t.Errorf("%+v, dial %v: the answer says %v, want %v", tc, dial, h.Sequenced(), tc.want)
			}
			s.r = s.embryo()
			if got := s.r.Info().Sequenced; got != tc.want {
				t.Errorf("%+v, dial %v: sequenced %v", tc, dial, got)
			}
		}
	}
}

// TestDecision4SizesOfBothSides: each side keeps to what the other has advertised.
func TestDecision4SizesOfBothSides(t *testing.T) {
	for _, dial := range []bool{false, true} {
		s := newScript(t)
		s.max, s.size = 3, 138
		o := Options{Outstanding: 7, SegmentSize: 1000}
		if dial {
			s.dialQuiet(o)
			s.in("<SEQ=100><ACK=200><SYN>")
		} else {
			s.listen(o)
			s.in("<SEQ=100><SYN>")
		}
		h, _, err := Parse(s.port.out[0])
		if err != nil || h.Outstanding() != 7 || h.SegmentSize() != 1000 {
			t.Errorf("dial %v: advertised %d segments of %d bytes, %v", dial, h.Outstanding(), h.SegmentSize(), err)
		}
		s.in("<SEQ=101><ACK=200>")
		s.e.Flush(s.now)
		s.port.out = nil
		i := s.r.Info()
		if i.Outstanding != 3 || i.MaxMessage != 100 || i.MaxReceive != 962 {
			t.Errorf("dial %v: %+v", dial, i)
		}
		if err := s.r.WriteMessage(s.now, make([]byte, 101)); err != ErrMessageTooLong {
			t.Errorf("a message above the peer's size: %v", err)
		}
		for range 5 {
			s.write(string(make([]byte, 100)))
		}
		if len(s.port.out) != 3 || len(s.port.out[0]) != 118 {
			t.Errorf("dial %v: sent %d segments, want 3 of 118 bytes", dial, len(s.port.out))
		}
	}
}

// TestDecision5UnacceptableSegmentsAcknowledge: the ACK and EACK of a duplicate count.
func TestDecision5UnacceptableSegmentsAcknowledge(t *testing.T) {
	for _, base := range bases {
		s := openAt(t, base, Options{})
		s.in("<SEQ=101><ACK=200><Data=a>")
		s.write("x", "y", "z")
		s.sent("<SEQ=201><ACK=101><Data=x>", "<SEQ=202><ACK=101><Data=y>", "<SEQ=203><ACK=101><Data=z>")
		s.in("<SEQ=101><ACK=201><EA=203><Data=a>")
		if i := s.r.Info(); i.Unacked != 2 || i.Duplicates != 1 || s.r.eacked != 1 {
			t.Errorf("%d unacknowledged, %d by EACK, %d duplicates", i.Unacked, s.r.eacked, i.Duplicates)
		}
		s.got("a")
	}
}

// TestDecision6DuplicateSYNGetsSYN: with a bare ACK the peer would not learn our number.
func TestDecision6DuplicateSYNGetsSYN(t *testing.T) {
	s := inState(t, StateSynReceived, Options{})
	s.in("<SEQ=100><SYN>")
	s.sent("<SEQ=200><ACK=100><SYN>")
	s.in("<SEQ=101><ACK=200>")
	s.state(StateOpen)
	s.in("<SEQ=100><ACK=200><SYN>") // of a simultaneous open whose last segment was lost
	s.sent("<SEQ=201><ACK=100>")
	s.state(StateOpen)
}

// TestDecision7ListenerStays: every SYN gets a record of its own, up to the backlog.
func TestDecision7ListenerStays(t *testing.T) {
	s := newScript(t)
	s.listen(Options{Backlog: 2})
	syn := func(port uint16) int {
		b := s.encode("<SEQ=100><SYN>")
		b[offSource], b[offSource+1] = byte(port>>8), byte(port)
		s.port.out = nil
		s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
		return len(s.port.out)
	}
	for port, want := range []int{1: 1, 2: 1, 3: 0} {
		if port > 0 {
			if got := syn(uint16(port)); got != want {
				t.Errorf("SYN from port %d: %d answers, want %d", port, got, want)
			}
		}
	}
	if got := s.e.Stats().BacklogFull; got != 1 {
		t.Errorf("BacklogFull %d", got)
	}
	b := s.encode("<SEQ=101><ACK=200>")
	b[offSource], b[offSource+1] = 0, 1
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
	s.events("open")
	if syn(3) != 1 {
		t.Error("an established connection still takes a place in the backlog")
	}
	s.wait(10 * time.Second) // nobody goes on: the half-open ones are given up
	if got := s.e.Stats().Connections; got != 1 {
		t.Errorf("%d connections, want the established one", got)
	}
	if syn(4) != 1 || syn(5) != 1 {
		t.Error("half-open connections that ended still take places in the backlog")
	}
}

// TestDecision8NumbersWrap: what RFC 908 prints as comparisons of integers are ones on the circle.
func TestDecision8NumbersWrap(t *testing.T) {
	for _, tc := range []struct {
		a, b uint32
		want bool
	}{
		{1, 2, true}, {2, 1, false}, {1, 1, false}, {1<<32 - 1, 0, true}, {0, 1<<32 - 1, false},
		{1<<31 - 1, 1 << 31, true}, {1 << 31, 1<<31 - 1, false}, {1<<32 - 200, 100, true},
	} {
		if got := before(tc.a, tc.b); got != tc.want {
			t.Errorf("before(%#x, %#x) is %v", tc.a, tc.b, got)
		}
	}
	for _, tc := range []struct {
		seq, first, n uint32
		want          bool
	}{
		{5, 5, 1, true}, {6, 5, 1, false}, {4, 5, 1, false}, {0, 1<<32 - 2, 3, true}, {1, 1<<32 - 2, 3, false}, {7, 7, 0, false},
	} {
		if got := within(tc.seq, tc.first, tc.n); got != tc.want {
			t.Errorf("within(%#x, %#x, %d) is %v", tc.seq, tc.first, tc.n, got)
		}
	}
}

// TestDecision8WindowEdges: RCV.CUR < SEQ =< RCV.CUR + 2 RCV.MAX, and nothing else has an effect.
func TestDecision8WindowEdges(t *testing.T) {
	for _, base := range bases {
		for _, tc := range []struct {
			seq    int
			accept bool
		}{{100, false}, {101, true}, {108, true}, {109, false}, {1 << 20, false}, {-1 << 20, false}} {
			s := openAt(t, base, Options{Outstanding: 4})
			s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=x>", tc.seq))
			if got := s.r.Info(); (got.BytesReceived == 1) != tc.accept {
				t.Errorf("base %d: SEQ %d accepted: %v", base, tc.seq, !tc.accept)
			}
			s = openAt(t, base, Options{Outstanding: 4})
			s.in(fmt.Sprintf("<SEQ=%d><RST>", tc.seq))
			if (s.r.State() != StateOpen) != tc.accept {
				t.Errorf("base %d: RST with SEQ %d accepted: %v", base, tc.seq, !tc.accept)
			}
		}
	}
}

// TestDecision9LostRST: it is repeated until answered, and answers what the peer still sends.
func TestDecision9LostRST(t *testing.T) {
	s := inState(t, StateCloseWait, Options{})
	s.waitFor(time.Second)
	s.sent("<SEQ=201><RST>")
	s.in("<SEQ=101><ACK=200><Data=x>")
	s.sent("<SEQ=201><RST>")
	s.in("<SEQ=102><ACK=200><NUL>")
	s.sent("<SEQ=201><RST>")
	s.in("<SEQ=103><ACK=200>") // asks for nothing
	s.sent()
	s.in("<SEQ=103><ACK=200><RST>") // it has arrived
	s.state(StateCloseWait)         // RFC 1151: stays
	s.wait(DefaultCloseWait)
	s.sent()
	s.state(StateClosed)
	s.idle()
}

// TestDecision9RSTIsAnsweredOnce: and an answer is not answered.
func TestDecision9RSTIsAnsweredOnce(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.in("<SEQ=101><RST>")
	s.sent("<SEQ=201><ACK=100><RST>")
	s.events("end: rdp: connection reset by peer")
	s.in("<SEQ=101><RST>")
	s.wait(time.Minute)
	s.sent()
	s.in("<SEQ=101><RST>") // CLOSED now
	s.sent()
	s.idle()
}

func TestDecision10ImpossibleParameters(t *testing.T) {
	for name, set := range map[string]func(s *script){
		"maximum of 0": func(s *script) { s.max = 0 },
		"size of 0":    func(s *script) { s.size = 0 },
		"tiny size":    func(s *script) { s.size = MinSegmentSize - 1 },
	} {
		s := newScript(t)
		set(s)
		s.listen(Options{})
		s.in("<SEQ=100><SYN>")
		s.out("<SEQ=0><ACK=100><RST>")
		s.idle()

		s = newScript(t)
		set(s)
		s.dial(Options{})
		s.in("<SEQ=100><ACK=200><SYN>")
		s.out("<SEQ=201><RST>")
		s.events("end: rdp: peer offers an impossible window or segment size: protocol error")
		s.idle()
		if s.e.Stats().BadParameters != 1 {
			t.Errorf("%s is not counted", name)
		}
	}
	// The smallest that are possible work.
	s := newScript(t)
	s.max, s.size = 1, MinSegmentSize
	s.reach(StateOpen, Options{})
	message := fmt.Sprintf("%030d", 7)
	s.write(message, message)
	s.sent("<SEQ=201><ACK=100><Data=" + message + ">")
	s.in("<SEQ=101><ACK=201>")
	s.sent("<SEQ=202><ACK=100><Data=" + message + ">")
}
