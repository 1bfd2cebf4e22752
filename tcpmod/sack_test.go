package tcpmod

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// rtt is the round trip of the connections that sackSending returns.
const rtt = 400 * time.Microsecond

// openSACK returns an established connection with SACK.
func openSACK(t *testing.T, o Options) *script {
	t.Helper()
	s := newScript(t)
	s.listen(o)
	s.in("S", 0, 0, "", slices.Concat(mss1000, sackOK)...)
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 1, "")
	s.events("open")
	if !s.c.Info().SACK {
		t.Fatal("no SACK")
	}
	return s
}

// sackSending returns one with n full segments under way, from 1001 on, after
// a first one that took rtt.
func sackSending(t *testing.T, n int, o Options) *script {
	t.Helper()
	if o.InitialWindow == 0 {
		o.InitialWindow = n * 1000
	}
	s := openSACK(t, o)
	s.c.rtt.srtt = 0
	s.write(kilo)
	s.wait(rtt)
	s.in("A", 1, 1001, "")
	for range n {
		s.write(kilo)
	}
	if len(s.port.out) != n+1 {
		t.Fatalf("sent %d segments, want %d", len(s.port.out), n+1)
	}
	s.port.out = nil
	s.wait(rtt)
	return s
}

func TestSACKIsNegotiated(t *testing.T) {
	s := newScript(t)
	s.listen(Options{})
	s.in("S", 0, 0, "", mss1000...)
	if got := Header(s.port.out[0]).Options(); parseSYNOptions(got).sack {
		t.Errorf("options %x to a peer without SACK", got)
	}
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 1, "")
	s.in("A", 3, 1, "x")
	s.out("A 1:1(0) ack 1")

	s = newScript(t)
	s.listen(Options{NoSACK: true})
	s.in("S", 0, 0, "", slices.Concat(mss1000, sackOK)...)
	if got := Header(s.port.out[0]).Options(); parseSYNOptions(got).sack {
		t.Errorf("options %x though we refuse SACK", got)
	}
}

// RFC 2018, section 4: the piece that changed last comes first, then the ones
// before it.
func TestSACKBlocks(t *testing.T) {
	s := openSACK(t, Options{})
	s.in("A", 11, 1, "x")
	s.out("A 1:1(0) ack 1 sack 11:12")
	s.in("A", 21, 1, "x")
	s.out("A 1:1(0) ack 1 sack 21:22 sack 11:12")
	s.in("A", 31, 1, "x")
	s.in("A", 41, 1, "x")
	s.in("A", 51, 1, "x")
	s.port.out = s.port.out[2:]
	s.out("A 1:1(0) ack 1 sack 51:52 sack 41:42 sack 31:32 sack 21:22")
	s.in("A", 12, 1, strings.Repeat("x", 9)) // joins two
	s.out("A 1:1(0) ack 1 sack 11:22 sack 51:52 sack 41:42 sack 31:32")
	s.in("A", 1, 1, strings.Repeat("x", 30))
	s.out("A 1:1(0) ack 32 sack 51:52 sack 41:42")
	s.in("A", 32, 1, strings.Repeat("x", 100))
	s.out("A 1:1(0) ack 132")
}

// RFC 2883, section 4: a duplicate is reported once.
func TestDuplicatesAreReported(t *testing.T) {
	s := openSACK(t, Options{})
	s.in("A", 1, 1, "0123456789")
	s.e.Flush(s.now)
	s.out("A 1:1(0) ack 11")
	s.in("A", 1, 1, "01234")
	s.out("A 1:1(0) ack 11 sack 1:6")
	s.in("A", 21, 1, "xxxx")
	s.in("A", 22, 1, "xx")
	s.out("A 1:1(0) ack 11 sack 21:25", "A 1:1(0) ack 11 sack 22:24 sack 21:25")
	s.in("A", 31, 1, "x")
	s.out("A 1:1(0) ack 11 sack 31:32 sack 21:25")
}

// A full segment has no room for the report; it follows in a segment without
// data.
func TestSACKBesideData(t *testing.T) {
	s := openSACK(t, Options{})
	s.in("A", 11, 1, "x")
	s.port.out = nil
	s.write("short")
	s.out("PA 1:6(5) ack 1 sack 11:12")
	s.ev.onData = func(now time.Duration) { s.c.Write(now, []byte(kilo)) }
	s.in("A", 21, 1, "x")
	s.in("A", 1, 6, "y")
	s.out("A 6:6(0) ack 1 sack 21:22 sack 11:12", "PA 6:1006(1000) ack 2", "A 1006:1006(0) ack 2 sack 21:22 sack 11:12")
}

// Three segments sacked above a hole are enough, and only the holes are sent
// again.
func TestSACKRecovery(t *testing.T) {
	s := sackSending(t, 10, Options{})
	s.in("A", 1, 1001, "", s.sack(2001, 3001)...)
	s.in("A", 1, 1001, "", s.sack(2001, 4001)...)
	s.out()
	s.in("A", 1, 1001, "", s.sack(2001, 4001, 5001, 6001)...)
	s.out("A 1001:2001(1000) ack 1")
	s.in("A", 1, 1001, "", s.sack(2001, 4001, 5001, 11001)...)
	s.out("A 4001:5001(1000) ack 1")
	s.wait(rtt)
	s.in("A", 1, 11001, "")
	s.out()
	if st := s.e.Stats(); st.FastRetransmits != 1 || st.Timeouts != 0 || st.Retransmissions != 2 || s.c.loss.phase != phaseOpen {
		t.Errorf("phase %v, %+v", s.c.loss.phase, st)
	}
	if got := s.c.Info().CWND; got != 5000 {
		t.Errorf("CWND %d after a loss with 10000 bytes under way, want 5000", got)
	}
}

// With fewer segments the reordering window has to pass: a quarter of the
// round trip (RFC 8985, section 6.2, step 4).
func TestReorderingWindow(t *testing.T) {
	s := sackSending(t, 3, Options{})
	s.in("A", 1, 1001, "", s.sack(2001, 3001)...)
	s.wait(rtt/4 - 10) // the segments are taken to be sent 1 ns apart
	s.out()
	s.wait(10)
	s.out("A 1001:2001(1000) ack 1")
}

// Nothing is sent again if the segment was only late.
func TestReorderingIsNoLoss(t *testing.T) {
	s := sackSending(t, 3, Options{InitialWindow: 20000})
	s.in("A", 1, 1001, "", s.sack(2001, 3001)...)
	s.in("A", 1, 3001, "")
	s.wait(rtt)
	s.out()
	if !s.c.rack.reordering {
		t.Error("reordering was not seen")
	}
	s.in("A", 1, 4001, "")
	// From now on three segments above a hole mean nothing by themselves.
	for range 4 {
		s.write(kilo)
	}
	s.port.out = nil
	s.wait(rtt)
	s.in("A", 1, 4001, "", s.sack(5001, 8001)...)
	s.out()
	s.wait(rtt / 4)
	s.out("A 4001:5001(1000) ack 1")
}

// A retransmission that is lost is found by what was sent after it.
func TestLostRetransmission(t *testing.T) {
	s := sackSending(t, 6, Options{})
	s.in("A", 1, 1001, "", s.sack(2001, 5001)...)
	s.out("A 1001:2001(1000) ack 1")
	s.write(kilo + kilo)
	s.in("A", 1, 1001, "", s.sack(2001, 7001)...)
	s.out("A 7001:8001(1000) ack 1", "PA 8001:9001(1000) ack 1")
	s.wait(rtt)
	s.in("A", 1, 1001, "", s.sack(2001, 8001)...) // of new data, and the hole is still there
	s.out("A 1001:2001(1000) ack 1")
	if s.e.Stats().Timeouts != 0 {
		t.Error("a timeout")
	}
}

func TestForgedSACK(t *testing.T) {
	s := sackSending(t, 5, Options{})
	for _, b := range [][]int{
		{7001, 8001},      // never sent
		{2001, 7001},      // partly
		{3001, 2001},      // backwards
		{2001, 2001},      // empty
		{1, 1 << 31},      // absurd
		{2001, 2999},      // not the whole segment
		{2501, 3001},      // nor this
		{-1 << 20, -4000}, // a duplicate of long ago
	} {
		s.in("A", 1, 1001, "", s.sack(b...)...)
	}
	s.in("A", 1, 1001, "", optSACK, 2, optNop, optNop)
	s.in("A", 1, 1001, "", optSACK, 9, 0, 0, 0, 1, 0, 0, 0, optNop, optNop, optNop)
	if s.c.board.sacked != 0 || s.c.rack.mult != 0 {
		t.Errorf("%d segments sacked, reordering window times %d", s.c.board.sacked, s.c.rack.mult)
	}
	s.out()
}

// The peer drops what it had sacked (RFC 2018, section 8).
func TestReneging(t *testing.T) {
	s := sackSending(t, 5, Options{})
	s.in("A", 1, 1001, "", s.sack(2001, 6001)...)
	s.out("A 1001:2001(1000) ack 1")
	s.in("A", 1, 2001, "") // and no more of the blocks
	s.wait(DefaultMinRTO)
	s.out("A 2001:3001(1000) ack 1")
	if st := s.e.Stats(); st.Reneged != 1 || st.Timeouts != 1 {
		t.Errorf("%+v", st)
	}
	s.in("A", 1, 3001, "")
	s.out("A 3001:4001(1000) ack 1", "A 4001:5001(1000) ack 1")
	s.in("A", 1, 5001, "")
	s.out("PA 5001:6001(1000) ack 1")
}

// A timeout that came too early: the ACKs of the first transmissions come, so
// nothing more is sent again, and the window is what it was.
func TestSpuriousTimeout(t *testing.T) {
	s := sackSending(t, 8, Options{InitialWindow: 20000})
	s.c.loss.probed = true
	s.c.restartLossTimer(s.now)
	s.wait(DefaultMinRTO)
	s.out("A 1001:2001(1000) ack 1")
	if got := s.c.Info().CWND; got != 1000 {
		t.Fatalf("CWND %d after a timeout", got)
	}
	s.in("A", 1, 2001, "")
	s.port.out = nil // the first ACK can be of either
	s.in("A", 1, 8001, "")
	s.out()
	if got := s.c.Info().CWND; got < 20000 || s.e.Stats().Undone != 1 {
		t.Errorf("CWND %d, %+v", got, s.e.Stats())
	}
}

// A recovery that was begun in vain is undone when the peer says that it has
// all twice.
func TestSpuriousRecoveryIsUndone(t *testing.T) {
	s := sackSending(t, 6, Options{InitialWindow: 20000})
	s.in("A", 1, 1001, "", s.sack(2001, 5001)...)
	s.out("A 1001:2001(1000) ack 1")
	s.in("A", 1, 7001, "")
	if got := s.c.Info().CWND; got > 10000 {
		t.Errorf("CWND %d in recovery", got)
	}
	s.in("A", 1, 7001, "", s.sack(1001, 2001)...)
	if got := s.c.Info().CWND; got != 20000 {
		t.Errorf("CWND %d, want that before the recovery", got)
	}
}

// What the peer has twice but was not sent again in the recovery undoes none of
// it: the network doubles too.
func TestForeignDuplicateUndoesNothing(t *testing.T) {
	s := sackSending(t, 6, Options{InitialWindow: 20000})
	s.in("A", 1, 1001, "", s.sack(2001, 5001)...)
	s.out("A 1001:2001(1000) ack 1")
	s.in("A", 1, 7001, "")
	before := s.c.Info().CWND
	s.wait(10 * time.Second)
	s.in("A", 1, 7001, "", s.sack(1, 501)...)
	if got := s.c.Info().CWND; got != before || s.e.Stats().Undone != 0 {
		t.Errorf("CWND from %d to %d, %+v", before, got, s.e.Stats())
	}
}

// A timeout whose retransmission brings an ACK of everything repaired a loss,
// for all that one can know: the window stays reduced.
func TestTimeoutThatRepairedIsNotUndone(t *testing.T) {
	s := sackSending(t, 8, Options{InitialWindow: 20000})
	s.c.loss.probed = true
	s.c.restartLossTimer(s.now)
	s.wait(DefaultMinRTO)
	s.out("A 1001:2001(1000) ack 1")
	s.in("A", 1, 9001, "")
	if got := s.c.Info().CWND; got >= 20000 || s.e.Stats().Undone != 0 {
		t.Errorf("CWND %d, %+v", got, s.e.Stats())
	}
}

// A probe that repaired a loss costs half of the window, one that was not
// needed nothing (RFC 8985, section 7.4).
func TestTailLossProbeAndCongestion(t *testing.T) {
	for _, needed := range []bool{true, false} {
		s := sackSending(t, 10, Options{InitialWindow: 20000})
		s.in("A", 1, 10001, "")
		before := s.c.Info().CWND
		s.wait(3 * time.Millisecond)
		s.out("PA 10001:11001(1000) ack 1")
		s.in("A", 1, 11001, "")
		if !needed {
			s.in("A", 1, 11001, "", s.sack(10001, 11001)...)
		}
		s.write("next")
		s.in("A", 1, 11005, "")
		if got := s.c.Info().CWND; (got < before) != needed {
			t.Errorf("needed %v: CWND from %d to %d", needed, before, got)
		}
	}
}

// However small the segments, the scoreboard stays within its bound.
func TestScoreboardIsBounded(t *testing.T) {
	s := openSACK(t, Options{InitialWindow: 1 << 20})
	s.window = 0xffff
	for range maxSent + 100 {
		s.write("x")
	}
	if n := s.c.board.n; n != maxSent || len(s.port.out) != maxSent {
		t.Errorf("%d segments in the scoreboard, %d sent, want %d", n, len(s.port.out), maxSent)
	}
	s.port.out = nil
	s.in("A", 1, 1+maxSent, "")
	s.out("PA 8193:8293(100) ack 1")
}

// Many lost small segments are sent again as few large ones.
func TestLostSegmentsAreJoined(t *testing.T) {
	s := openSACK(t, Options{})
	for range 30 {
		s.write("0123456789")
	}
	s.port.out = nil
	s.c.loss.probed = true
	s.c.restartLossTimer(s.now)
	s.wait(DefaultMinRTO)
	s.out("A 1:11(10) ack 1")
	s.in("A", 1, 11, "")
	s.out("PA 11:301(290) ack 1")
}

// Duplicates widen the reordering window, once a round trip and up to one round
// trip; it is narrow again after 16 recoveries without.
func TestReorderingWindowAdapts(t *testing.T) {
	s := sackSending(t, 3, Options{InitialWindow: 1 << 20})
	r := &s.c.rack
	r.reordering = true
	narrow := s.c.reorderingWindow()
	s.in("A", 1, 2001, "", s.sack(1001, 2001)...)
	s.in("A", 1, 2001, "", s.sack(1001, 2001)...) // of the same round trip
	if got := s.c.reorderingWindow(); got.Round(time.Microsecond) != 2*narrow.Round(time.Microsecond) {
		t.Errorf("window %v after a duplicate, want twice %v", got, narrow)
	}
	for range 10 {
		s.write(kilo)
		s.wait(rtt)
		s.in("A", 1, s.c.snd.nxt.sub(s.iss), "")
		una := s.c.snd.una.sub(s.iss)
		s.in("A", 1, una, "", s.sack(una-1000, una)...)
	}
	if got := s.c.reorderingWindow(); got != s.c.rtt.srtt {
		t.Errorf("window %v, want one round trip at most, %v", got, s.c.rtt.srtt)
	}
	for range reoPersist {
		r.recoveryEnded()
	}
	if got := s.c.reorderingWindow(); got != min(r.minRTT/4, s.c.rtt.srtt) {
		t.Errorf("window %v after %d recoveries, want a quarter of %v", got, reoPersist, r.minRTT)
	}
}
