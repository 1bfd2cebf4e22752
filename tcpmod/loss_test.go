package tcpmod

import (
	"testing"
	"time"
)

// sending returns an established connection whose round trip is known to be
// rtt, with n full segments under way.
func sending(t *testing.T, n int, rtt time.Duration) *script {
	t.Helper()
	s := inState(t, Established, Options{InitialWindow: max(4, n) * 1000})
	s.c.rtt.sample(rtt)
	for range n {
		s.write(kilo)
	}
	if len(s.port.out) != n {
		t.Fatalf("sent %d segments of %d", len(s.port.out), n)
	}
	s.port.out = nil
	return s
}

func TestRetransmissionTimeoutDoubles(t *testing.T) {
	s := inState(t, Established, Options{})
	s.c.rtt.srtt = 0 // no tail-loss probe
	s.write("x")
	s.out("PA 1:2(1) ack 1")
	for i := range 8 {
		s.wait(min(DefaultMinRTO<<i, DefaultMaxRTO) - 1)
		s.out()
		s.wait(1)
		s.out("PA 1:2(1) ack 1")
	}
	// Karn: the ACK of a retransmitted segment measures nothing, and the
	// backoff stays until something does.
	before := s.c.rtt
	s.in("A", 1, 2, "")
	if s.c.rtt.srtt != before.srtt || s.c.rtt.timeout() != DefaultMaxRTO {
		t.Errorf("SRTT %v, RTO %v", s.c.rtt.srtt, s.c.rtt.timeout())
	}
	s.write("y")
	s.wait(100 * time.Microsecond)
	s.in("A", 1, 3, "")
	if s.c.rtt.timeout() != DefaultMinRTO {
		t.Errorf("RTO %v after a measurement, want %v", s.c.rtt.timeout(), DefaultMinRTO)
	}
}

func TestRoundTripOfZero(t *testing.T) {
	s := inState(t, Established, Options{})
	for range 100 {
		s.write("x")
		s.in("A", 1, s.c.snd.nxt.sub(s.iss), "")
	}
	if i := s.c.Info(); i.SRTT <= 0 || i.RTO != DefaultMinRTO {
		t.Errorf("SRTT %v, RTO %v", i.SRTT, i.RTO)
	}
}

// RFC 6298, section 2, by hand.
func TestRTTEstimator(t *testing.T) {
	var r rttEstimator
	o := Options{MinRTO: time.Millisecond}.withDefaults()
	r.init(&o)
	if r.timeout() != DefaultInitialRTO {
		t.Errorf("initial RTO %v", r.timeout())
	}
	r.sample(80 * time.Millisecond)
	if r.srtt != 80*time.Millisecond || r.rttvar != 40*time.Millisecond || r.timeout() != 240*time.Millisecond {
		t.Errorf("after the first: %v %v %v", r.srtt, r.rttvar, r.timeout())
	}
	r.sample(160 * time.Millisecond)
	if r.srtt != 90*time.Millisecond || r.rttvar != 50*time.Millisecond || r.timeout() != 290*time.Millisecond {
		t.Errorf("after the second: %v %v %v", r.srtt, r.rttvar, r.timeout())
	}
	for range 100 {
		r.backoff()
	}
	if r.timeout() != DefaultMaxRTO {
		t.Errorf("backed off to %v", r.timeout())
	}
}

func TestFastRetransmit(t *testing.T) {
	s := sending(t, 10, 50*time.Microsecond)
	s.in("A", 1, 1, "")
	s.in("A", 1, 1, "")
	s.out()
	s.in("A", 1, 1, "")
	s.out("A 1:1001(1000) ack 1")
	s.in("A", 1, 1, "")
	s.out()
	// A partial ACK: the fifth is lost as well (RFC 6582).
	s.in("A", 1, 4001, "")
	s.out("A 4001:5001(1000) ack 1")
	s.in("A", 1, 10001, "")
	s.out()
	if s.c.loss.phase != phaseOpen {
		t.Error("recovery did not end")
	}
	if st := s.e.Stats(); st.FastRetransmits != 1 || st.Timeouts != 0 || st.Retransmissions != 2 {
		t.Errorf("%+v", st)
	}
	if got := s.c.Info().CWND; got > 64<<10/2 {
		t.Errorf("CWND %d after a loss", got)
	}
}

// Limited transmit: new data on the first duplicate ACKs (RFC 3042).
func TestLimitedTransmit(t *testing.T) {
	s := sending(t, 10, 50*time.Microsecond)
	s.write(kilo + kilo + kilo)
	s.out()
	s.in("A", 1, 1, "")
	s.out("A 10001:11001(1000) ack 1")
	s.in("A", 1, 1, "")
	s.out("A 11001:12001(1000) ack 1")
	s.in("A", 1, 1, "")
	s.out("A 1:1001(1000) ack 1")
}

// With three segments under way there can be only two duplicate ACKs.
func TestEarlyRetransmit(t *testing.T) {
	s := sending(t, 3, 50*time.Microsecond)
	s.in("A", 1, 1, "")
	s.out()
	s.in("A", 1, 1, "")
	s.out("A 1:1001(1000) ack 1")
}

// Data, a window change or an ACK with nothing under way are no duplicates.
func TestNotDuplicateAcks(t *testing.T) {
	s := sending(t, 10, 50*time.Microsecond)
	for i := range 5 {
		s.in("A", 1+i, 1, "x")
		s.window++
		s.in("A", 6, 1, "")
	}
	if s.c.loss.dupAcks != 0 {
		t.Errorf("%d duplicates counted", s.c.loss.dupAcks)
	}
	s.in("A", 6, 10001, "")
	for range 5 {
		s.in("A", 6, 10001, "")
	}
	if s.c.loss.dupAcks != 0 {
		t.Errorf("%d duplicates counted", s.c.loss.dupAcks)
	}
}

func TestDuplicateAcksDoNotRestartTheTimer(t *testing.T) {
	s := sending(t, 10, 50*time.Microsecond)
	deadline := s.c.loss.deadline
	s.wait(20 * time.Microsecond)
	s.in("A", 1, 1, "")
	if s.c.loss.deadline != deadline {
		t.Errorf("the deadline moved from %v to %v", deadline, s.c.loss.deadline)
	}
}

// A lone request that is lost costs a probe, not a retransmission timeout.
func TestTailLossProbe(t *testing.T) {
	s := sending(t, 0, 50*time.Microsecond)
	s.write("request")
	s.out("PA 1:8(7) ack 1")
	s.wait(2*time.Millisecond - 1)
	s.out("PA 1:8(7) ack 1")
	if st := s.e.Stats(); st.TailProbes != 1 || st.Timeouts != 0 {
		t.Errorf("%+v", st)
	}
	s.wait(DefaultMinRTO) // one probe, then the timeout
	s.out("PA 1:8(7) ack 1")
	if st := s.e.Stats(); st.TailProbes != 1 || st.Timeouts != 1 {
		t.Errorf("%+v", st)
	}
}

// The answer to a probe of a lost tail begins recovery.
func TestTailLossProbeFindsGap(t *testing.T) {
	s := sending(t, 5, 50*time.Microsecond)
	s.in("A", 1, 1001, "") // and the rest is lost
	s.wait(2 * time.Millisecond)
	s.out("PA 4001:5001(1000) ack 1")
	s.in("A", 1, 1001, "")
	s.out("A 1001:2001(1000) ack 1")
	s.in("A", 1, 2001, "")
	s.out("A 2001:3001(1000) ack 1")
}

func TestTimeoutGoesBack(t *testing.T) {
	s := sending(t, 4, 50*time.Microsecond)
	s.c.loss.probed = true // no probe before
	s.c.restartLossTimer(s.now)
	s.wait(DefaultMinRTO)
	s.out("A 1:1001(1000) ack 1")
	s.in("A", 1, 1001, "")
	s.out("A 1001:2001(1000) ack 1", "A 2001:3001(1000) ack 1")
	s.in("A", 1, 4001, "") // the peer had the rest
	s.out()
}

// The ACK of the handshake is no duplicate of what the user writes as soon as
// he has the connection.
func TestHandshakeIsNoDuplicate(t *testing.T) {
	s := newScript(t)
	if err := s.e.Listen(scriptLocal, Options{}, func(now time.Duration, c *TCB) Events {
		c.Write(now, []byte("220 hello"))
		return s.ev
	}); err != nil {
		t.Fatal(err)
	}
	s.in("S", 0, 0, "", mss1000...)
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 1, "")
	s.out("PA 1:10(9) ack 1")
	if st := s.e.Stats(); st.FastRetransmits != 0 {
		t.Errorf("%+v", st)
	}
}

// With one segment under way a duplicate ACK says nothing of it.
func TestDuplicateOfOneSegment(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write("x")
	s.out("PA 1:2(1) ack 1")
	s.in("A", 1, 1, "")
	s.out()
}

// A SYN sent again is not measured (Karn).
func TestRetransmittedSYNIsNotMeasured(t *testing.T) {
	s := inState(t, SynSent, Options{InitialRTO: 20 * time.Millisecond})
	s.wait(20 * time.Millisecond)
	s.out("S 0:0(0)")
	s.wait(5 * time.Millisecond)
	s.in("SA", 0, 1, "", mss1000...)
	s.state(Established)
	if got := s.c.Info().SRTT; got != 0 {
		t.Errorf("round trip %v", got)
	}
}
