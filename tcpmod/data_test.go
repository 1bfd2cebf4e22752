package tcpmod

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

var kilo = strings.Repeat("k", 1000) // a full segment of the scripts

func TestReplyCarriesAck(t *testing.T) {
	s := inState(t, Established, Options{})
	s.ev.onData = func(time.Duration) { s.write("reply") }
	s.in("PA", 1, 1, "request")
	s.out("PA 1:6(5) ack 8")
	s.e.Flush(s.now)
	s.wait(DefaultAckDelay)
	s.out()
}

func TestFlushAcknowledges(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("PA", 1, 1, "request")
	s.out()
	s.e.Flush(s.now)
	s.out("A 1:1(0) ack 8")
	s.e.Flush(s.now)
	s.out()
}

func TestAckTimer(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("PA", 1, 1, "request")
	s.wait(DefaultAckDelay - 1)
	s.out()
	s.wait(1)
	s.out("A 1:1(0) ack 8")
}

func TestEverySecondFullSegment(t *testing.T) {
	s := inState(t, Established, Options{})
	for i := range 4 {
		s.in("A", 1+1000*i, 1, kilo)
	}
	s.out("A 1:1(0) ack 2001", "A 1:1(0) ack 4001")
}

// In a stream every eighth is enough, until something is missing or the sender
// has to wait.
func TestStreamIsAcknowledgedLess(t *testing.T) {
	s := inState(t, Established, Options{})
	seq := 1
	acks := func(segments int) int {
		for range segments {
			s.in("A", seq, 1, kilo)
			seq += 1000
		}
		n := len(s.port.out)
		s.port.out = nil
		return n
	}
	want := func(what string, segments, n int) {
		t.Helper()
		if got := acks(segments); got != n {
			t.Errorf("%s: %d ACKs for %d segments, want %d", what, got, segments, n)
		}
	}
	want("beginning", streamAfter, streamAfter/ackEvery)
	want("stream", 80, 80/streamAckEvery)
	s.in("A", seq+1000, 1, kilo)
	s.in("A", seq, 1, kilo)
	seq += 2000
	s.port.out = nil
	want("after a gap", streamAfter, streamAfter/ackEvery)
	want("stream", 83, 80/streamAckEvery)
	s.e.Flush(s.now) // three segments were waiting
	s.port.out = nil
	want("after a pause", streamAfter, streamAfter/ackEvery)
}

func TestOutOfOrderIsAcknowledgedAtOnce(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("A", 1001, 1, kilo)
	s.out("A 1:1(0) ack 1")
	s.in("A", 3001, 1, kilo)
	s.out("A 1:1(0) ack 1")
	s.in("A", 1, 1, kilo) // closes the first gap
	s.out("A 1:1(0) ack 2001")
	s.in("A", 2001, 1, kilo)
	s.out("A 1:1(0) ack 4001")
	if len(s.ev.data) != 4000 {
		t.Errorf("%d bytes", len(s.ev.data))
	}
}

func TestTooManyGaps(t *testing.T) {
	s := inState(t, Established, Options{})
	for i := range 2 * maxRanges {
		s.in("A", 2+2*i, 1, "x")
	}
	if n := s.e.Stats().Discarded; n != maxRanges {
		t.Errorf("%d discarded, want %d", n, maxRanges)
	}
	for i := range 2 * maxRanges { // and again, with what was missing
		s.in("A", 1+2*i, 1, "yx")
	}
	if want := strings.Repeat("yx", 2*maxRanges); string(s.ev.data) != want {
		t.Errorf("data %q", s.ev.data)
	}
}

// TestPieceWithinTakenData: a large segment brings again what was kept behind the gap that it closes, and the user takes
// more of it than that, but not all. What is left is kept.
func TestPieceWithinTakenData(t *testing.T) {
	s := inState(t, Established, Options{})
	var b [2 * minRing]byte
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	s.in("A", 101, 1, string(b[100:200]))
	s.ev.take = 1000
	s.in("A", 1, 1, string(b[:]))
	s.ev.take = -1
	s.c.Resume(s.now)
	if !bytes.Equal(s.ev.data, b[:]) {
		t.Errorf("the user got %d bytes, want the %d that were sent", len(s.ev.data), len(b))
	}
}

func TestUnreadDataShrinksTheWindow(t *testing.T) {
	s := inState(t, Established, Options{ReceiveBuffer: 4000})
	s.ev.take = 0
	var windows []uint16
	for i := range 4 {
		s.in("A", 1+1000*i, 1, kilo)
		s.e.Flush(s.now)
		windows = append(windows, Header(s.port.out[len(s.port.out)-1]).Window())
	}
	if windows[0] != 3000 || windows[3] != 0 {
		t.Errorf("windows %d", windows)
	}
	s.port.out = nil
	s.in("A", 4000, 1, "") // a probe of the closed window is answered
	s.in("A", 4001, 1, "x")
	s.e.Flush(s.now)
	s.out("A 1:1(0) ack 4001", "A 1:1(0) ack 4001")

	// A little room is not announced, two segments are, at once.
	s.ev.take = 500
	s.c.Resume(s.now)
	s.out()
	s.ev.take = 1500
	s.c.Resume(s.now)
	if w := Header(s.port.out[0]).Window(); w != 2000 {
		t.Errorf("window %d, want 2000", w)
	}
	s.out("A 1:1(0) ack 4001")
}

// The right edge that was announced never moves back.
func TestWindowDoesNotShrink(t *testing.T) {
	s := newScript(t)
	s.listen(Options{ReceiveBuffer: 1 << 20})
	s.in("S", 0, 0, "", append(mss1000, scale7...)...)
	s.in("A", 1, 1, "")
	s.ev.take = 0
	edge := 0
	seq := 1
	for i := range 200 {
		n := 1 + i*37%1000
		s.in("A", seq, 1, kilo[:n])
		seq += n
		s.e.Flush(s.now)
		h := Header(s.port.out[len(s.port.out)-1])
		now := seqNum(h.Ack()).sub(s.peerISS) + int(h.Window())<<5
		if now < edge-31 { // the rounding of the scale
			t.Fatalf("the edge moved from %d to %d", edge, now)
		}
		edge = max(edge, now)
	}
}

func TestNoNagle(t *testing.T) {
	for _, nagle := range []bool{false, true} {
		s := inState(t, Established, Options{Nagle: nagle})
		s.write("a")
		s.write("b")
		s.write(kilo)
		if nagle {
			s.out("PA 1:2(1) ack 1", "A 2:1002(1000) ack 1")
			s.in("A", 1, 2, "")
			s.out()
			s.in("A", 1, 1002, "")
			s.out("PA 1002:1003(1) ack 1")
		} else {
			s.out("PA 1:2(1) ack 1", "PA 2:3(1) ack 1", "PA 3:1003(1000) ack 1")
		}
	}
}

func TestSenderAvoidsSillyWindows(t *testing.T) {
	s := inState(t, Established, Options{})
	s.window = 1500
	s.in("A", 1, 1, "")
	s.c.snd.maxWnd = 60000
	s.write(kilo + kilo)
	s.out("A 1:1001(1000) ack 1") // 500 bytes more would fit
	s.window = 400
	s.in("A", 1, 1001, "")
	s.out()
	s.wait(DefaultMinRTO) // the override timeout
	s.out("A 1001:1401(400) ack 1")
}

func TestZeroWindowProbes(t *testing.T) {
	s := inState(t, Established, Options{})
	s.window = 0
	s.in("A", 1, 1, "")
	s.write("hello")
	s.out()
	for i := range 3 {
		s.wait(DefaultMinRTO<<i - 1)
		s.out()
		s.wait(1)
		s.out("A 0:0(0) ack 1")
		s.in("A", 1, 1, "")
	}
	s.window = 1000
	s.in("A", 1, 1, "")
	s.out("PA 1:6(5) ack 1")
}

// A FIN waits for the window as data does, and the connection isn't given up
// while the probes are answered.
func TestFINWithClosedWindow(t *testing.T) {
	s := inState(t, Established, Options{})
	s.window = 0
	s.in("A", 1, 1, "")
	s.c.CloseWrite(s.now)
	for range 100 {
		s.wait(time.Second)
		s.in("A", 1, 1, "")
	}
	s.state(FinWait1)
	for _, b := range s.port.out {
		if Header(b).Flags() != ACK {
			t.Fatalf("sent %v", Header(b).Flags())
		}
	}
	s.port.out = nil
	s.window = 1
	s.in("A", 1, 1, "")
	s.out("FA 1:1(0) ack 1")
}

func TestOldSegmentsChangeNothing(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write("12345")
	s.in("A", 1, 6, "")
	s.window = 10
	s.in("A", 1, 3, "") // overtaken by the last
	if s.c.snd.una != s.iss.add(6) || s.c.snd.wnd != 60000 {
		t.Errorf("SND.UNA %d, SND.WND %d", s.c.snd.una.sub(s.iss), s.c.snd.wnd)
	}
}

func TestKeepaliveProbe(t *testing.T) {
	s := inState(t, Established, Options{})
	s.wait(DefaultKeepaliveIdle - 1)
	s.out()
	s.wait(1)
	s.out("A 0:0(0) ack 1") // SND.NXT - 1
	s.in("A", 1, 1, "")
	s.wait(DefaultKeepaliveIdle - 1)
	s.out()
	s.wait(1 + DefaultKeepaliveProbes*DefaultKeepaliveInterval)
	s.events("end " + ErrKeepalive.Error())
	s.out("A 0:0(0) ack 1", "A 0:0(0) ack 1", "A 0:0(0) ack 1", "A 0:0(0) ack 1", "A 0:0(0) ack 1", "RA 1:1(0) ack 1")
}

func TestKeepaliveProbeIsAnswered(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("PA", 1, 1, "x")
	s.e.Flush(s.now)
	s.out("A 1:1(0) ack 2")
	s.in("A", 1, 1, "") // SND.NXT - 1
	s.out("A 1:1(0) ack 2")
}

func TestSpaceIsAnnounced(t *testing.T) {
	s := inState(t, Established, Options{SendBuffer: 4000})
	if n := s.c.Write(s.now, make([]byte, 5000)); n != 4000 {
		t.Fatalf("took %d", n)
	}
	s.in("A", 1, 501, "")
	s.events()
	s.in("A", 1, 1001, "")
	s.events("space")
	s.in("A", 1, 4001, "")
	s.events() // once
}

func TestWriterHearsOfTheEnd(t *testing.T) {
	s := inState(t, CloseWait, Options{SendBuffer: 100})
	s.c.Write(s.now, make([]byte, 200))
	s.in("R", 2, 0, "")
	s.events("space")
	if s.c.Err() != ErrReset {
		t.Errorf("Err %v", s.c.Err())
	}
}
