package rdp

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"deputy/internal/wire"
)

// report tells the endpoint what ICMP says of the first n bytes of the segment that was sent last.
func (s *script) report(icmpType, icmpCode uint8, mtu, n int) {
	s.t.Helper()
	last := s.port.out[len(s.port.out)-1]
	s.e.Status(s.now, wire.Addrs[1], icmpType, icmpCode, mtu, last[:min(n, len(last))])
}

func TestStatusEndsAnAttempt(t *testing.T) {
	for code, want := range map[uint8]error{codeProtocol: syscall.ENOPROTOOPT, codePort: syscall.ECONNREFUSED} {
		s := newScript(t)
		s.dialQuiet(Options{})
		s.report(icmpUnreachable, code, 0, 100)
		if !errors.Is(s.r.Err(), want) || !errors.Is(s.r.Err(), ErrRefused) {
			t.Errorf("code %d: %v", code, s.r.Err())
		}
		s.idle()
	}
}

// TestStatusIsSoft: it is the cause if the attempt, or the connection, ends with a timeout.
func TestStatusIsSoft(t *testing.T) {
	for _, tc := range []struct {
		icmpType, icmpCode uint8
		want               syscall.Errno
	}{
		{icmpUnreachable, 0, syscall.ENETUNREACH}, {icmpUnreachable, 1, syscall.EHOSTUNREACH}, {icmpUnreachable, 6, syscall.ENETUNREACH},
		{icmpUnreachable, codePort, syscall.ECONNREFUSED}, {icmpUnreachable, 13, syscall.EHOSTUNREACH}, {icmpTimeExceeded, 0, syscall.EHOSTUNREACH},
	} {
		s := inState(t, StateOpen, Options{})
		s.write("x")
		s.report(tc.icmpType, tc.icmpCode, 0, 100)
		s.state(StateOpen)
		s.wait(time.Minute)
		if err := s.r.Err(); !errors.Is(err, ErrTimeout) || !errors.Is(err, tc.want) || !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("%+v: %v", tc, err)
		}
		s.idle()
	}
	s := newScript(t)
	s.dialQuiet(Options{})
	s.report(icmpUnreachable, 1, 0, 100)
	s.state(StateSynSent)
	s.wait(time.Minute)
	var status *StatusError
	if err := s.r.Err(); !errors.As(err, &status) || status.Code != 1 {
		t.Error(err)
	}
	// An answer since then makes it history.
	s = inState(t, StateOpen, Options{})
	s.write("x")
	s.report(icmpUnreachable, 1, 0, 100)
	s.in("<SEQ=101><ACK=201>")
	s.write("y")
	s.wait(time.Minute)
	if s.r.Err() != ErrTimeout {
		t.Error(s.r.Err())
	}
}

// TestStatusOfWhatIsNotUnderWay (RFC 5927, section 4.1).
func TestStatusOfWhatIsNotUnderWay(t *testing.T) {
	s := newScript(t)
	s.dialQuiet(Options{})
	syn := s.port.out[0]
	s.report(icmpUnreachable, codePort, 0, 11) // the number is not quoted
	s.report(icmpUnreachable, codePort, 0, 3)
	syn[offSeq]++
	s.report(icmpUnreachable, codePort, 0, 100)
	syn[offSeq]--
	s.e.Status(s.now, wire.Addrs[0], icmpUnreachable, codePort, 0, syn)
	syn[offDest]++
	s.report(icmpUnreachable, codePort, 0, 100)
	s.state(StateSynSent)
	if i := s.e.Stats(); i.StatusIgnored != 5 || i.StatusTaken != 0 {
		t.Errorf("%d ignored, %d taken", i.StatusIgnored, i.StatusTaken)
	}
	s = inState(t, StateOpen, Options{})
	s.write("x", "y")
	x := s.port.out[0]
	s.in("<SEQ=101><ACK=201>")
	s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, codeFragmentation, 600, x) // acknowledged: it has arrived
	if s.r.piece != s.r.maxData {
		t.Errorf("pieces of %d", s.r.piece)
	}
}

// TestFragmentationNeeded lowers the pieces of Write, not messages, and not below what every path carries.
func TestFragmentationNeeded(t *testing.T) {
	for _, tc := range []struct{ mtu, want int }{{1400, 1362}, {576, 538}, {68, 538}, {0, 538}, {-1, 538}, {9000, 1462}} {
		s := inState(t, StateOpen, Options{})
		s.write("x")
		s.report(icmpUnreachable, codeFragmentation, tc.mtu, 100)
		s.port.out = nil
		s.r.Write(s.now, make([]byte, 1462))
		if got := len(s.port.out[0]) - HeaderLen; got != tc.want {
			t.Errorf("MTU %d: a piece of %d bytes, want %d", tc.mtu, got, tc.want)
		}
		if err := s.r.WriteMessage(s.now, make([]byte, 1462)); err != nil {
			t.Errorf("MTU %d: a message: %v", tc.mtu, err)
		}
		s.state(StateOpen)
	}
}
