package rdp

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

// The bugs of RDP's descendants, one test each.

// TestLostAckIsSentAgain (libcsp#102): a duplicate asks for the acknowledgement again.
func TestLostAckIsSentAgain(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.out("<SEQ=201><ACK=101>")
	for range 3 {
		s.in("<SEQ=101><ACK=200><Data=a>")
		s.out("<SEQ=201><ACK=101>")
	}
	s.in("<SEQ=101><ACK=200><NUL>") // the same for a NUL that was taken
	s.out("<SEQ=201><ACK=101>")
	s.got("a")
}

// TestWindowSleepAndWakeAgree (libcsp#109): whoever finds no room is told when there is.
func TestWindowSleepAndWakeAgree(t *testing.T) {
	for _, o := range []Options{{SendBuffer: 1}, {SendBuffer: 10}, {SendBuffer: 1500}, {SendBuffer: 3000}, {SendBuffer: 100_000}} {
		for _, size := range []int{1, 7, 10, 1000, 1462} {
			for _, window := range []uint16{1, 2, 5, 1000} {
				s := newScript(t)
				s.max = window
				s.reach(StateOpen, o)
				acked := 200
				for range 3000 {
					err := s.r.WriteMessage(s.now, make([]byte, size))
					if err == nil {
						continue
					}
					if err != ErrNoSpace {
						t.Fatal(err)
					}
					if s.r.Info().Unacked == 0 {
						t.Fatalf("SendBuffer %d, size %d: no room and nothing outstanding", o.SendBuffer, size)
					}
					for len(s.user.log) == 0 {
						if s.r.Info().Unacked == 0 {
							t.Fatalf("SendBuffer %d, size %d, window %d: all is acknowledged, and no OnSpace", o.SendBuffer, size, window)
						}
						acked++
						s.in(fmt.Sprintf("<SEQ=101><ACK=%d>", acked))
					}
					s.events("space")
					s.port.out = nil
				}
			}
		}
	}
}

// TestAckOfRefusedResetIsRefused (libcsp#369).
func TestAckOfRefusedResetIsRefused(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.write("x")
	s.in("<SEQ=100><ACK=201><RST>")
	s.in("<SEQ=700><ACK=201><RST>")
	if got := s.r.Info(); got.State != StateOpen || got.Unacked != 1 {
		t.Errorf("%v with %d unacknowledged after a reset outside the window", got.State, got.Unacked)
	}
	// An ACK of what was never sent makes an orderly close a reset.
	s.in("<SEQ=101><ACK=202><RST>")
	s.events("end: rdp: connection reset by peer")
}

// TestSendErrorIsRepaired (libcsp#860): what the network did not take is sent again.
func TestSendErrorIsRepaired(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.port.err = errors.New("no room")
	s.write("x")
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.e.Flush(s.now)
	s.port.err = nil
	s.waitFor(time.Second)
	s.sent("<SEQ=201><ACK=101><Data=x>")
	if s.r.Info().SendErrors == 0 || s.e.Stats().SendErrors == 0 {
		t.Error("errors are not counted")
	}
}

// TestCloseWaitsForTheAck (libcsp#1000): success is what the peer acknowledged.
func TestCloseWaitsForTheAck(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.write("x", "y")
	s.sent("<SEQ=201><ACK=100><Data=x>", "<SEQ=202><ACK=100><Data=y>")
	s.r.Close(s.now)
	s.events()
	s.in("<SEQ=101><ACK=201><EA=202>") // 202 is there, but not taken
	s.sent()
	s.events()
	s.in("<SEQ=101><ACK=202>")
	s.sent("<SEQ=203><ACK=100><RST>")
	s.events("end: use of closed network connection")
}

// TestCloseNoticeWaitsBehindData (libcsp#1013): a user who takes nothing gets the data and then the notice.
func TestCloseNoticeWaitsBehindData(t *testing.T) {
	s := inState(t, StateOpen, Options{Outstanding: 2})
	s.user.take = 0
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.in("<SEQ=102><ACK=200><Data=b>")
	s.port.out = nil
	s.in("<SEQ=103><ACK=200><RST>")
	s.events()
	s.user.take = -1
	s.r.Resume(s.now)
	s.got("a", "b")
	s.events("end: EOF")
}

// TestOldAckMovesNothingBack: SND.UNA only grows, whatever order the ACKs come in.
func TestOldAckMovesNothingBack(t *testing.T) {
	for _, base := range bases {
		s := openAt(t, base, Options{})
		s.write("a", "b", "c", "d")
		s.in("<SEQ=101><ACK=203>")
		s.in("<SEQ=101><ACK=201>")
		s.in("<SEQ=101><ACK=200><EA=202,203>")
		if i := s.r.Info(); i.Unacked != 1 || s.r.eacked != 0 || i.OutOfRange != 0 {
			t.Errorf("%d unacknowledged, %d by EACK, %d segments refused", i.Unacked, s.r.eacked, i.OutOfRange)
		}
	}
}

// TestAckOutOfRangeIsRefused: of what was never sent, and of long ago; its data too (RFC 5961, section 5).
func TestAckOutOfRangeIsRefused(t *testing.T) {
	for _, base := range bases {
		s := openAt(t, base, Options{})
		s.write("x")
		for i, ack := range []int{202, 203, 1 << 30, 201 - ackSpan, -1 << 30} {
			s.in(fmt.Sprintf("<SEQ=101><ACK=%d><Data=evil>", ack))
			if got := s.r.Info(); got.OutOfRange != uint64(i+1) || got.Unacked != 1 {
				t.Fatalf("ACK %d: %d refused, %d unacknowledged", ack, got.OutOfRange, got.Unacked)
			}
		}
		s.got()
		s.in(fmt.Sprintf("<SEQ=101><ACK=%d><Data=ok>", 202-ackSpan))
		s.got("ok")
	}
}

// TestEACKOnGaps: libcsp dropped EACK because one a packet hurts. A gap is reported at once, and after the sender can
// tell a loss from reordering, reports are shared.
func TestEACKOnGaps(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	for seq := 102; seq < 102+100; seq++ { // 101 was lost
		s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=x>", seq))
	}
	n := len(s.port.out)
	if n < reorderThreshold || n > 100/maxAckEvery+reorderThreshold {
		t.Errorf("%d reports of one gap and 100 segments", n)
	}
	s.e.Flush(s.now)
	h, _, err := Parse(s.port.out[len(s.port.out)-1])
	if err != nil || h.EACKs() != 100 {
		t.Errorf("the last report lists %d, want all 100", h.EACKs())
	}
}

// TestEACKListsEverythingInTurns: more than one segment can list is told in several.
func TestEACKListsEverythingInTurns(t *testing.T) {
	s := newScript(t)
	s.size = 100 // (100-38)/4: 15 numbers
	s.reach(StateOpen, Options{})
	seen := make(map[uint32]bool)
	for seq := 102; seq < 102+200; seq++ {
		s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=x>", seq))
	}
	for range 14 {
		s.in("<SEQ=102><ACK=200><Data=x>")
		s.e.Flush(s.now)
	}
	for _, b := range s.port.out {
		h, _, err := Parse(b)
		if err != nil || len(b) > 80 {
			t.Fatalf("a report of %d bytes, %v", len(b), err)
		}
		for i := range h.EACKs() {
			seen[h.EACK(i)] = true
		}
	}
	if len(seen) != 200 {
		t.Errorf("%d of 200 were reported", len(seen))
	}
}

// TestOversize: RFC 908, section 3.3.
func TestOversize(t *testing.T) {
	s := inState(t, StateOpen, Options{SegmentSize: 138})
	s.in("<SEQ=101><ACK=200><Data=" + fmt.Sprintf("%0100d", 1) + ">")
	s.state(StateOpen)
	s.in("<SEQ=102><ACK=200><Data=" + fmt.Sprintf("%0101d", 1) + ">")
	s.out("<SEQ=201><RST>")
	s.state(StateCloseWait)
	if !errors.Is(s.r.err, ErrOversize) {
		t.Error(s.r.err)
	}
}

// TestDeadPeerAnswersUnreadData: a host without a record answers with SEQ = SEG.ACK + 1, which is that of a segment
// that waits for the user.
func TestDeadPeerAnswersUnreadData(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.user.take = 0
	s.in("<SEQ=101><ACK=200><Data=a>")
	s.out("<SEQ=201><ACK=100><EA=101>")
	s.write("x")
	s.sent("<SEQ=201><ACK=100><Data=x>")
	s.in("<SEQ=101><RST>")
	s.state(StateCloseWait)
	s.events("end: rdp: connection reset by peer")
	if s.r.Err() != ErrReset || errors.Is(s.r.Err(), io.EOF) {
		t.Error(s.r.Err())
	}
}
