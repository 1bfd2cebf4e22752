package rdp

import (
	"fmt"
	"testing"
	"time"
)

// TestRetransmissionBacksOffAndEnds: RFC 6298's doubling up to MaxRTO, and ErrTimeout after RetryLimit.
func TestRetransmissionBacksOffAndEnds(t *testing.T) {
	s := inState(t, StateOpen, Options{MinRTO: 10 * time.Millisecond, MaxRTO: 100 * time.Millisecond, RetryLimit: 6, KeepAlive: -1})
	s.write("x")
	s.probed()
	last := s.now
	for i, want := range []time.Duration{10, 20, 40, 80, 100, 100} {
		s.waitFor(time.Second)
		s.sent("<SEQ=201><ACK=100><Data=x>")
		if got := s.now - last; got != want*time.Millisecond {
			t.Errorf("retransmission %d after %v, want %v ms", i, got, want)
		}
		last = s.now
	}
	s.waitFor(time.Second)
	s.sent("<SEQ=202><RST>")
	s.events(endTimeout)
	s.state(StateClosed)
	s.idle()
}

// TestRetryLimitIsOfNoProgress: a peer that takes one segment now and then is not dead, however often the others had to
// be sent; and the oldest doesn't wait out a backoff from before.
func TestRetryLimitIsOfNoProgress(t *testing.T) {
	s := inState(t, StateOpen, Options{RetryLimit: 3, KeepAlive: -1})
	for range 20 {
		s.write("x")
	}
	for ack := 201; ack <= 220; ack++ {
		s.wait(2 * DefaultMinRTO)
		if s.r.Info().Timeouts == 0 {
			t.Fatal("no timeouts")
		}
		s.port.out = nil
		s.in(fmt.Sprintf("<SEQ=101><ACK=%d>", ack))
		if ack < 220 {
			s.waitFor(DefaultMinRTO)
		}
	}
	s.state(StateOpen)
	s.write("y")
	s.wait(time.Minute)
	s.events(endTimeout)
}

// TestFastAnswerIsOfTheFirst transmission, and says nothing about the last (RFC 8985, section 6.2); a slower one does, so
// that what is lost again is resent without waiting for its timer.
func TestFastAnswerIsOfTheFirst(t *testing.T) {
	for _, tc := range []struct {
		after time.Duration
		want  int
	}{{50 * time.Microsecond, 0}, {200 * time.Microsecond, 1}} {
		s := inState(t, StateOpen, Options{})
		s.r.rtt = rtt{}
		s.r.rtt.sample(100 * time.Microsecond)
		s.write("a", "b", "c", "d", "e")
		s.wait(DefaultMinRTO) // all are sent again
		if n := len(s.port.out); n != 10 {
			t.Fatalf("sent %d segments", n)
		}
		s.port.out = nil
		s.now += tc.after
		s.in("<SEQ=101><ACK=200><EA=202,203,204>")
		if n := len(s.port.out); n != tc.want {
			t.Errorf("after %v: %d segments sent again, want %d", tc.after, n, tc.want)
		}
	}
}

// TestKarn: the answer to a retransmission measures nothing, and the backoff lasts until something is measured.
func TestKarn(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	before := s.r.Info().SRTT
	s.write("x")
	s.probed()
	s.waitFor(time.Second)
	s.wait(time.Millisecond)
	s.in("<SEQ=101><ACK=201>")
	if i := s.r.Info(); i.SRTT != before || i.RTO != 2*DefaultMinRTO {
		t.Errorf("SRTT %v, RTO %v", i.SRTT, i.RTO)
	}
	s.write("y")
	s.wait(time.Millisecond)
	s.in("<SEQ=101><ACK=202>")
	if i := s.r.Info(); i.SRTT == before || i.RTO != DefaultMinRTO {
		t.Errorf("SRTT %v, RTO %v after a measurement", i.SRTT, i.RTO)
	}
}

// TestRTT: RFC 6298, section 2, and a round trip of zero (gvisor#6113).
func TestRTT(t *testing.T) {
	var r rtt
	lo, hi := time.Millisecond, time.Second
	if got := r.rto(lo, hi, 0); got != initialRTO {
		t.Errorf("before any measurement: %v", got)
	}
	r.sample(8 * time.Millisecond)
	if r.srtt != 8*time.Millisecond || r.rttvar != 4*time.Millisecond || r.rto(lo, hi, 0) != 24*time.Millisecond {
		t.Errorf("first: %+v", r)
	}
	r.sample(16 * time.Millisecond)
	if r.srtt != 9*time.Millisecond || r.rttvar != 5*time.Millisecond {
		t.Errorf("second: %+v", r)
	}
	if got := r.rto(lo, hi, 200); got != hi {
		t.Errorf("backoff is not bounded: %v", got)
	}
	r = rtt{}
	for range 100 {
		r.sample(0)
	}
	if got := r.rto(lo, hi, 0); got != lo || r.reordering(lo) <= 0 {
		t.Errorf("a round trip of 0: RTO %v, reordering %v", got, r.reordering(lo))
	}
}

// TestHoleIsResentAtOnce: three segments sent later have arrived. It is resent once, not with every further report, and
// again when three sent after its retransmission have.
func TestHoleIsResentAtOnce(t *testing.T) {
	for _, base := range bases {
		s := openAt(t, base, Options{})
		s.write("a", "b", "c", "d", "e", "f")
		s.port.out = nil
		s.in("<SEQ=101><ACK=200><EA=202>")
		s.in("<SEQ=101><ACK=200><EA=202,203>")
		s.sent()
		s.in("<SEQ=101><ACK=200><EA=202,203,204>")
		s.sent("<SEQ=201><ACK=100><Data=a>")
		s.in("<SEQ=101><ACK=200><EA=202,203,204,205>")
		s.in("<SEQ=101><ACK=200><EA=202,203,204,205,206>")
		s.sent()
		s.write("g", "h", "i")
		s.port.out = nil
		s.in("<SEQ=101><ACK=200><EA=207,208>")
		s.sent()
		s.in("<SEQ=101><ACK=200><EA=209>")
		s.sent("<SEQ=201><ACK=100><Data=a>")
		if i := s.r.Info(); i.FastResends != 2 || i.Timeouts != 0 {
			t.Errorf("%d fast, %d by timer", i.FastResends, i.Timeouts)
		}
		s.in("<SEQ=101><ACK=209>")
		if i := s.r.Info(); i.Unacked != 0 || s.r.eacked != 0 || s.r.queuedBytes != 0 {
			t.Errorf("left: %+v", i)
		}
	}
}

// TestShortWaitForReordering: with fewer than three, a wait far below the RTO decides.
func TestShortWaitForReordering(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.write("a", "b")
	s.port.out = nil
	s.in("<SEQ=101><ACK=200><EA=202>")
	s.wait(100 * time.Microsecond)
	s.sent()
	s.wait(DefaultMinRTO / 2)
	s.sent("<SEQ=201><ACK=100><Data=a>")
	if i := s.r.Info(); i.Timeouts != 0 || i.FastResends != 1 || i.RTO != DefaultMinRTO {
		t.Errorf("%+v", i)
	}
}

// TestEachSegmentHasATimer (RFC 908, section 3.4.4).
func TestEachSegmentHasATimer(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	for i, m := range []string{"a", "b", "c"} {
		s.now = time.Duration(i) * time.Millisecond
		s.write(m)
	}
	s.port.out = nil
	s.wait(DefaultMinRTO - s.now - 1)
	s.sent("<SEQ=203><ACK=100><Data=c>") // the last, as a probe
	s.wait(1)
	s.sent("<SEQ=201><ACK=100><Data=a>")
	s.wait(time.Millisecond - 1)
	s.sent()
	s.wait(1)
	s.sent("<SEQ=202><ACK=100><Data=b>")
}

// TestTailProbe (RFC 8985, section 7): the last segment is sent again soon, once, which costs no backoff. Its EACK shows
// what else was lost.
func TestTailProbe(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.write("a", "b", "c", "d", "e")
	start := s.now
	s.probed()
	if got := s.now - start; got != AckDelay*3/2 { // the round trip is 0 here
		t.Errorf("after %v", got)
	}
	s.in("<SEQ=101><ACK=200><EA=205>")
	var again []string
	for _, b := range s.port.out {
		again = append(again, s.decode(b))
	}
	if len(again) != 3 || again[0] != "<SEQ=201><ACK=100><Data=a>" { // 204 is less than three before it
		t.Errorf("sent %v", again)
	}
	s.port.out = nil
	s.wait(time.Millisecond)
	s.sent("<SEQ=204><ACK=100><Data=d>")
	if i := s.r.Info(); i.Timeouts != 0 || i.TailProbes != 1 || i.FastResends != 4 || i.RTO != DefaultMinRTO {
		t.Errorf("%+v", i)
	}
	s.in("<SEQ=101><ACK=205>")
	s.write("f") // the last of another flight
	s.probed()
	s.wait(DefaultMinRTO - 1)
	s.sent()
}

// TestProbeOfUntakenData: what the peer has but doesn't take is sent again only to see whether it lives, for as long as
// it does.
func TestProbeOfUntakenData(t *testing.T) {
	s := inState(t, StateOpen, Options{KeepAlive: -1})
	s.write("a", "b", "c")
	s.port.out = nil
	s.in("<SEQ=101><ACK=200><EA=201,202,203>")
	for range 300 {
		s.wait(DefaultMaxRTO)
		for _, b := range s.port.out {
			if got := s.decode(b); got != "<SEQ=201><ACK=100><Data=a>" {
				t.Fatalf("sent %s, want the oldest alone", got)
			}
			s.in("<SEQ=101><ACK=200><EA=201,202,203>")
		}
		s.port.out = nil
	}
	s.state(StateOpen)
	s.in("<SEQ=101><ACK=201><EA=202,203>") // one taken: the next is probed
	s.wait(DefaultMaxRTO)
	if got := s.decode(s.port.out[0]); got != "<SEQ=202><ACK=100><Data=b>" {
		t.Errorf("sent %s", got)
	}
	s.wait(time.Minute) // dead
	s.events(endTimeout)
	s.idle()
}

// TestKeepAlive: a NUL after the idle time, which is acknowledged like data; a dead peer ends the connection.
func TestKeepAlive(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.wait(DefaultKeepAlive - 1)
	s.sent()
	s.wait(1)
	s.sent("<SEQ=201><ACK=100><NUL>")
	s.in("<SEQ=101><ACK=201>")
	s.wait(10 * time.Second)
	s.in("<SEQ=101><ACK=201><Data=a>") // traffic
	s.out("<SEQ=202><ACK=101>")
	s.wait(DefaultKeepAlive - 1)
	s.sent()
	s.write("x") // an outstanding segment asks the same question
	s.sent("<SEQ=202><ACK=101><Data=x>")
	s.in("<SEQ=102><ACK=202>")
	s.wait(DefaultKeepAlive)
	s.sent("<SEQ=203><ACK=101><NUL>")
	start := s.now
	s.wait(time.Minute)
	s.events(endTimeout)
	s.port.out = nil
	s.idle()
	if s.r.Info().KeepAlives != 2 {
		t.Errorf("%d NULs after %v", s.r.Info().KeepAlives, start)
	}

	s = inState(t, StateOpen, Options{KeepAlive: -1})
	s.wait(time.Hour)
	s.sent()
	s.state(StateOpen)
}

// TestWindow: SND.NXT < SND.UNA + SND.MAX, and one more for each acknowledged; EACK alone opens nothing (section 3.5).
func TestWindow(t *testing.T) {
	for _, base := range bases {
		s := newScript(t)
		s.base, s.max = base, 3
		s.reach(StateOpen, Options{})
		for i := range 8 {
			s.write(fmt.Sprint(i))
		}
		s.sent("<SEQ=201><ACK=100><Data=0>", "<SEQ=202><ACK=100><Data=1>", "<SEQ=203><ACK=100><Data=2>")
		s.in("<SEQ=101><ACK=200><EA=202,203>")
		s.sent()
		s.in("<SEQ=101><ACK=201><EA=203>")
		s.sent("<SEQ=204><ACK=100><Data=3>")
		s.in("<SEQ=101><ACK=203>")
		s.sent("<SEQ=205><ACK=100><Data=4>", "<SEQ=206><ACK=100><Data=5>")
		if i := s.r.Info(); i.Unacked != 3 || i.Queued != 2 {
			t.Errorf("%d outstanding, %d queued", i.Unacked, i.Queued)
		}
	}
}
