package rdp

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"deputy/internal/congestion"
)

var algorithms = []congestion.Algorithm{congestion.Reno, congestion.Cubic}

// congestedScript is an open connection whose segments have 1,460 bytes of data, of which the first window holds ten.
func congestedScript(t *testing.T, a congestion.Algorithm) *script {
	t.Helper()
	s := newScript(t)
	s.size = 1498
	s.reach(StateOpen, Options{Congestion: a})
	return s
}

// fill has the user write messages of a full segment until the send buffer takes no more, and returns how many
// segments went out.
func (s *script) fill() int {
	s.t.Helper()
	s.port.out = nil
	for s.r.WriteMessage(s.now, make([]byte, s.r.MaxMessage())) == nil {
	}
	return len(s.port.out)
}

// TestCongestionIsOffByDefault: what the window allows is sent at once (RFC 908).
func TestCongestionIsOffByDefault(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	if got := s.fill(); got != DefaultOutstanding {
		t.Errorf("sent %d segments, want the window of %d", got, DefaultOutstanding)
	}
}

func TestCongestionOption(t *testing.T) {
	s := newScript(t)
	if _, err := s.e.Dial(0, scriptPeerAddr, Options{Congestion: "vegas"}, s.user); !errors.Is(err, ErrOptions) || !errors.Is(err, congestion.ErrAlgorithm) {
		t.Errorf("an algorithm that is none: %v", err)
	}
}

// TestSlowStart: the first window is RFC 6928's, and each acknowledgement in it opens it by what it acknowledges. The
// peer's window in segments still counts.
func TestSlowStart(t *testing.T) {
	for _, a := range algorithms {
		s := congestedScript(t, a)
		if got := s.fill(); got != 10 {
			t.Errorf("%s: the first window is %d segments, want 10", a, got)
		}
		acked := 200
		for _, want := range []int{20, 40, 80, 160, 256, 256} {
			flight := s.r.Info().Unacked
			for range flight {
				acked++
				s.in(fmt.Sprintf("<SEQ=101><ACK=%d>", acked))
				s.fill()
			}
			if got := s.r.Info().Unacked; got != want {
				t.Errorf("%s: %d outstanding, want %d", a, got, want)
			}
			s.now += time.Millisecond
		}
	}
}

// TestLossReducesOnce: the first lost segment is sent again at once and halves the window (CUBIC: 0.7); another of the
// same flight waits for room, which CUBIC's window has, and changes nothing more.
func TestLossReducesOnce(t *testing.T) {
	for _, tc := range []struct {
		a          congestion.Algorithm
		window     int
		first      []uint32 // sent again at once
		afterwards uint32   // sent first when there is room
	}{{congestion.Reno, 5, []uint32{201}, 202}, {congestion.Cubic, 7, []uint32{201, 202}, 211}} {
		a := tc.a
		s := congestedScript(t, a)
		s.fill()
		s.port.out = nil
		s.in("<SEQ=101><ACK=200><EA=203,204,205>")
		got := []uint32{}
		for _, b := range s.port.out {
			got = append(got, Header(b).Seq())
		}
		if !slices.Equal(got, tc.first) {
			t.Errorf("%s: sent %v, want %v", a, got, tc.first)
		}
		window := s.r.Info().Congestion
		if n := window / s.r.maxData; n != tc.window {
			t.Errorf("%s: a window of %d segments, want %d", a, n, tc.window)
		}
		s.port.out = nil
		s.in("<SEQ=101><ACK=200><EA=206,207,208,209,210>") // room for 202, and then for new ones
		if len(s.port.out) == 0 || Header(s.port.out[0]).Seq() != tc.afterwards {
			t.Errorf("%s: sent %d segments, want %d first", a, len(s.port.out), tc.afterwards)
		}
		if s.r.Info().Congestion != window {
			t.Errorf("%s: the window changed in recovery", a)
		}
		s.in("<SEQ=101><ACK=210>")
		if s.r.recovering || s.r.lost != 0 {
			t.Errorf("%s: still recovering", a)
		}
	}
}

// TestTimeoutSendsOne: after a silence not the whole window goes out again, but one segment, and then two.
func TestTimeoutSendsOne(t *testing.T) {
	for _, a := range algorithms {
		s := congestedScript(t, a)
		s.fill()
		s.probed()
		s.waitFor(time.Second)
		if n := len(s.port.out); n != 1 || Header(s.port.out[0]).Seq() != 201 {
			t.Fatalf("%s: sent %d segments", a, n)
		}
		s.port.out = nil
		s.waitFor(time.Second) // again
		if n := len(s.port.out); n != 1 || Header(s.port.out[0]).Seq() != 201 {
			t.Fatalf("%s: sent %d segments the second time", a, n)
		}
		s.port.out = nil
		s.in("<SEQ=101><ACK=201>")
		if n := len(s.port.out); n != 2 || Header(s.port.out[0]).Seq() != 202 {
			t.Errorf("%s: sent %d segments after the answer, want 2", a, n)
		}
	}
	s := inState(t, StateOpen, Options{}) // and RFC 908 all of them
	s.fill()
	s.probed()
	s.waitFor(time.Second)
	if n := len(s.port.out); n != DefaultOutstanding-1 {
		t.Errorf("without: sent %d segments, want all but the one that was sent last", n)
	}
}

// TestBottleneck: through a line with a short queue, RFC 908 sends most of what it sends in vain; with congestion
// control little is dropped, and the line is as busy.
func TestBottleneck(t *testing.T) {
	for _, a := range []congestion.Algorithm{"", congestion.Reno, congestion.Cubic} {
		s := newSim(t, 4)
		s.Delay, s.Bottleneck, s.Queue = 500*time.Microsecond, 12*time.Microsecond, 40
		one, two := simUser{total: 10_000, longest: 1400, hold: true}, simUser{}
		s.connect(Options{Congestion: a}, Options{}, &one, &two)
		start := s.Now
		if !s.Run(time.Minute, func() bool { return len(two.got) == 10_000 }) {
			t.Fatalf("%q: got %d", a, len(two.got))
		}
		busy := float64(10_000*s.Bottleneck) / float64(s.Now-start)
		t.Logf("%q: %v, line busy with new segments %.0f %%, %d dropped, %+v", a, s.Now-start, 100*busy, s.Dropped, one.r.Info().Timeouts)
		if a == "" {
			if s.Dropped < 2000 {
				t.Errorf("without: %d dropped", s.Dropped)
			}
			continue
		}
		if s.Dropped > 500 {
			t.Errorf("%s: %d dropped", a, s.Dropped)
		}
		if busy < 0.7 {
			t.Errorf("%s: the line was busy for %.0f %%", a, 100*busy)
		}
	}
}

// TestDeadPeerUnderCongestionControl: the peer goes while the last segment's timer is shorter than that of the one before
// it, which was sent during a backoff. The window after the timeout is the oldest segment's: the last must not keep it, and
// the connection ends by the retry limit.
func TestDeadPeerUnderCongestionControl(t *testing.T) {
	for _, a := range algorithms {
		s := congestedScript(t, a)
		write := func(n int) {
			if err := s.r.WriteMessage(s.now, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		write(1460)
		s.now = s.e.Deadline()
		s.e.Advance(s.now) // a timeout: a window of one segment, and a backoff
		write(1200)
		write(1200)
		s.in("<SEQ=101><ACK=201>") // of a segment sent twice: the backoff stays
		s.now += time.Millisecond
		s.in("<SEQ=101><ACK=202>")
		write(1200)
		for s.r.State() == StateOpen && s.now < time.Minute {
			s.port.out = nil
			s.now = max(s.now, s.e.Deadline())
			s.e.Advance(s.now)
			for _, b := range s.port.out {
				if h := Header(b); h.Flags()&RST == 0 && h.Seq() != 203 && s.now > time.Second { // after the tail probe
					t.Fatalf("%s: sent %d again, while the oldest is 203", a, h.Seq())
				}
			}
		}
		if got := s.r.Err(); !errors.Is(got, ErrTimeout) {
			t.Errorf("%s: at %v the connection is in %v, and ended with %v, want %v", a, s.now, s.r.State(), got, ErrTimeout)
		}
	}
}

// counter is a Controller that counts, with a window of any size.
type counter struct{ lost, timeouts, acked, idle int }

func (c *counter) Undo()                                                 {}
func (c *counter) Window() int                                           { return 1 << 20 }
func (c *counter) Acked(_ time.Duration, n int, _ time.Duration, _ bool) { c.acked += n }
func (c *counter) Lost(time.Duration, int)                               { c.lost++ }
func (c *counter) Timeout(time.Duration, int)                            { c.timeouts++ }
func (c *counter) Idle(time.Duration, time.Duration, time.Duration)      { c.idle++ }

// TestControllerIsTold: of one timeout until something is acknowledged, of one loss a flight, and of acknowledged bytes
// outside recovery.
func TestControllerIsTold(t *testing.T) {
	s := congestedScript(t, congestion.Reno)
	c := &counter{}
	s.r.cc = c
	s.write("a", "b", "c", "d", "e", "f")
	s.probed()
	for range 3 {
		s.port.out = nil
		s.waitFor(time.Second)
	}
	if c.timeouts != 1 || c.idle != 1 {
		t.Errorf("%+v after three timeouts", c)
	}
	s.in("<SEQ=101><ACK=202>")
	if c.acked != 2 {
		t.Errorf("%+v after two bytes", c)
	}
	s.port.out = nil
	s.waitFor(time.Second)
	if c.timeouts != 2 {
		t.Errorf("%+v after another timeout", c)
	}
	s.in("<SEQ=101><ACK=206>")
	s.write("g", "h", "i", "j", "k")
	s.in("<SEQ=101><ACK=206><EA=210,211>")
	s.in("<SEQ=101><ACK=206><EA=209>") // 207 is lost, and 208 not for certain
	if c.lost != 1 || c.acked != 6+2 {
		t.Errorf("%+v after a loss", c)
	}
	s.in("<SEQ=101><ACK=211>")
	if c.acked != 6+2 || s.r.recovering {
		t.Errorf("%+v at the end of the recovery", c)
	}
	s.write("l")
	s.in("<SEQ=101><ACK=212>")
	if c.acked != 6+2+1 {
		t.Errorf("%+v after it", c)
	}
}

// TestReportedSegmentIsNotLost: the oldest segment was suspected to be lost, and is reported after all, but not taken.
// It is probed with; it isn't lost, and nothing waits for it for ever.
func TestReportedSegmentIsNotLost(t *testing.T) {
	for _, a := range algorithms {
		s := congestedScript(t, a)
		s.fill()
		s.r.recover = s.r.sndNxt // another one of the flight was lost
		suspect := s.r.out.at(201)
		suspect.suspect, suspect.due = true, s.now
		s.in("<SEQ=101><ACK=200><EA=201>")
		s.fill()
		s.r.retry(s.now)
		if s.r.Info().Probes != 1 {
			t.Errorf("%s: %d probes, want 1", a, s.r.Info().Probes)
		}
		s.in(fmt.Sprintf("<SEQ=101><ACK=%d>", s.r.sndNxt-1))
		if s.r.lost != 0 || s.r.lostBytes != 0 {
			t.Errorf("%s: %d segments of %d bytes are lost for ever", a, s.r.lost, s.r.lostBytes)
		}
	}
}

// TestOldestGoesFirst: a lost segment that waits for the window while others are under way goes first when their timers
// expire, so that a peer that is gone is noticed by it.
func TestOldestGoesFirst(t *testing.T) {
	s := congestedScript(t, congestion.Reno)
	s.fill()
	s.in("<SEQ=101><ACK=200><EA=203,204,205>")
	s.port.out = nil
	s.in("<SEQ=101><ACK=201><EA=203,204,205>")
	if s.sent(); !s.r.out.at(s.r.sndUna).lost {
		t.Fatal("202 doesn't wait")
	}
	s.probed()
	s.waitFor(time.Second)
	if got := Header(s.port.out[0]).Seq(); got != 202 {
		t.Errorf("sent %d first", got)
	}
	s.wait(time.Minute)
	s.events(endTimeout)
	s.port.out = nil
	s.idle()
}
