package tcpmod

import (
	"testing"
	"time"
)

func TestOrderlyCloseByUs(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write("bye")
	s.c.Close(s.now)
	s.out("PA 1:4(3) ack 1", "FA 4:4(0) ack 1")
	s.state(FinWait1)
	s.in("A", 1, 5, "")
	s.state(FinWait2)
	s.in("FA", 1, 5, "")
	s.out("A 5:5(0) ack 2")
	s.state(TimeWait)
	s.events("end EOF")
	s.wait(DefaultTimeWait)
	s.state(Closed)
	if len(s.e.conns) != 0 || s.e.Deadline() != Never {
		t.Error("the connection is left")
	}
}

func TestOrderlyCloseByPeer(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("PFA", 1, 1, "bye")
	s.out("A 1:1(0) ack 5")
	s.events("end EOF")
	s.state(CloseWait)
	s.write("more") // half closed: our direction lives on
	s.out("PA 1:5(4) ack 5")
	s.c.Close(s.now)
	s.out("FA 5:5(0) ack 5")
	s.state(LastAck)
	s.in("A", 5, 6, "")
	s.out()
	s.state(Closed)
	s.events()
}

func TestHalfClose(t *testing.T) {
	s := inState(t, FinWait2, Options{})
	s.in("PA", 1, 2, "still here")
	s.e.Flush(s.now)
	s.out("A 2:2(0) ack 11")
	if string(s.ev.data) != "still here" {
		t.Errorf("data %q", s.ev.data)
	}
	if n := s.c.Write(s.now, []byte("x")); n != 0 || s.c.Err() != ErrClosed {
		t.Errorf("Write took %d, Err %v", n, s.c.Err())
	}
	s.wait(25 * time.Second)
	s.state(FinWait2) // no limit as long as the user reads
}

func TestSimultaneousClose(t *testing.T) {
	s := inState(t, FinWait1, Options{})
	s.in("FA", 1, 1, "")
	s.out("A 2:2(0) ack 2")
	s.state(Closing)
	s.in("A", 2, 2, "")
	s.state(TimeWait)
}

// The FIN is sent again in every state in which it may be missing.
func TestFINRetransmission(t *testing.T) {
	for _, state := range []State{FinWait1, Closing, LastAck} {
		s := inState(t, state, Options{})
		ack := " ack 1"
		if state != FinWait1 {
			ack = " ack 2"
		}
		s.wait(50 * time.Millisecond)
		if n := len(s.port.out); n < 2 {
			t.Errorf("%v: sent %d times in 50 ms", state, n)
		}
		s.port.out = s.port.out[:1]
		s.out("FA 1:1(0)" + ack)
		s.state(state)
	}
}

func TestTimeWaitAnswersFIN(t *testing.T) {
	s := inState(t, TimeWait, Options{})
	s.wait(DefaultTimeWait - 1)
	s.in("FA", 1, 2, "")
	s.out("A 2:2(0) ack 2")
	s.wait(DefaultTimeWait - 1)
	s.state(TimeWait) // the clock began again
	s.in("R", 2, 0, "")
	s.state(TimeWait) // RFC 1337
	s.wait(1)
	s.state(Closed)
}

func TestTimeWaitReuse(t *testing.T) {
	s := inState(t, TimeWait, Options{})
	s.in("S", 1, 0, "") // an old duplicate
	s.out("A 2:2(0) ack 2")
	old := s.c.snd.nxt
	s.in("S", 100000, 0, "")
	if len(s.port.out) != 1 || Header(s.port.out[0]).Flags() != SYN|ACK {
		t.Fatal("a new SYN was not answered")
	}
	if isn := seqNum(Header(s.port.out[0]).Seq()); !old.lt(isn) {
		t.Errorf("initial sequence number %d, want above %d", isn, old)
	}
}

func TestCloseWithUnreadDataResets(t *testing.T) {
	s := inState(t, Established, Options{})
	s.ev.take = 0
	s.in("PA", 1, 1, "lost")
	s.c.Close(s.now)
	s.out("RA 1:1(0) ack 5")
	s.state(Closed)
}

func TestDataAfterCloseResets(t *testing.T) {
	s := inState(t, Established, Options{})
	s.c.Close(s.now)
	s.in("PA", 1, 2, "lost")
	s.out("FA 1:1(0) ack 1", "RA 2:2(0) ack 1")
	s.state(Closed)
}

func TestOrphanInFinWait2Ends(t *testing.T) {
	s := inState(t, FinWait2, Options{})
	s.c.Close(s.now)
	s.wait(finWait2Timeout)
	s.state(Closed)
	s.events("end " + ErrTimeout.Error())
}

// A handler closes from within OnData, having taken everything.
func TestCloseWithinOnData(t *testing.T) {
	s := inState(t, Established, Options{})
	s.ev.onData = func(now time.Duration) {
		s.write("answer")
		s.c.Close(now)
	}
	s.in("PA", 1, 1, "question")
	s.out("PA 1:7(6) ack 9", "FA 7:7(0) ack 9")
	s.state(FinWait1)
}

func TestAbortWithinOnData(t *testing.T) {
	s := inState(t, Established, Options{})
	s.ev.onData = func(now time.Duration) { s.c.Abort(now) }
	s.in("PFA", 1, 1, "question")
	s.out("RA 1:1(0) ack 9")
	s.state(Closed)
	s.events()
	s.e.Flush(s.now)
	s.wait(time.Minute)
	s.out()
}

func TestEndWaitsForReader(t *testing.T) {
	s := inState(t, Established, Options{})
	s.ev.take = 3
	s.in("PFA", 1, 1, "hello")
	s.out("A 1:1(0) ack 7")
	s.state(CloseWait)
	s.events()
	s.c.Close(s.now) // with data unread
	s.out("RA 1:1(0) ack 7")

	s = inState(t, Established, Options{})
	s.ev.take = 3
	s.in("PFA", 1, 1, "hello")
	s.out("A 1:1(0) ack 7")
	s.ev.take = -1
	s.c.Resume(s.now)
	s.events("end EOF")
	if string(s.ev.data) != "hello" {
		t.Errorf("data %q", s.ev.data)
	}
}

// A FIN ahead of a gap is remembered.
func TestFINOutOfOrder(t *testing.T) {
	s := inState(t, Established, Options{})
	s.in("PFA", 6, 1, "world")
	s.out("A 1:1(0) ack 1")
	s.in("A", 1, 1, "hello")
	s.out("A 1:1(0) ack 12")
	s.events("end EOF")
	s.state(CloseWait)
	if string(s.ev.data) != "helloworld" {
		t.Errorf("data %q", s.ev.data)
	}
}

func TestAbort(t *testing.T) {
	for _, state := range append([]State{SynSent, SynRcvd}, synchronized...) {
		s := inState(t, state, Options{})
		s.c.Abort(s.now)
		if reset := len(s.port.out) == 1 && Header(s.port.out[0]).Flags()&RST != 0; reset != (state != SynSent && state != TimeWait) {
			t.Errorf("%v: sent %d segments", state, len(s.port.out))
		}
		s.state(Closed)
		s.events()
		if len(s.e.conns) != 0 || s.e.Deadline() != Never {
			t.Errorf("%v: the connection is left", state)
		}
	}
}
