package tcpmod

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"

	"deputy/internal/wire"
)

// quote is the beginning of our segment at seq, as a report has it.
func (s *script) quote(seq int) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint16(b, scriptLocal)
	binary.BigEndian.PutUint16(b[offDstPort:], scriptPeer)
	binary.BigEndian.PutUint32(b[offSeq:], uint32(s.iss.add(seq)))
	return b
}

func TestStatusEndsAnAttempt(t *testing.T) {
	for code, want := range map[uint8]error{codePort: ErrRefused, codeProtocol: ErrProtocolUnreachable} {
		s := inState(t, SynSent, Options{})
		s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, code, 0, s.quote(1)) // not our SYN
		s.e.Status(s.now, wire.Addrs[0], icmpUnreachable, code, 0, s.quote(0)) // to somebody else
		s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, code, 0, s.quote(0)[:7])
		s.state(SynSent)
		if n := s.e.Stats().StatusIgnored; n != 3 {
			t.Errorf("%d ignored, want 3", n)
		}
		s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, code, 0, s.quote(0))
		s.state(Closed)
		s.events("end " + want.Error())
	}
}

// A report about a synchronized connection ends nothing, and neither do most
// about an attempt; it is the cause if the peer stays silent.
func TestStatusIsSoft(t *testing.T) {
	for _, state := range []State{SynSent, SynRcvd, Established, FinWait1, CloseWait, Closing, LastAck} {
		s := inState(t, state, Options{})
		if state == Established || state == CloseWait {
			s.write("x")
		}
		last := s.c.snd.nxt.sub(s.iss) - 1
		s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, 1, 0, s.quote(last))
		s.state(state)
		s.wait(2 * DefaultTimeout)
		s.state(Closed)
		err := s.c.Err()
		if !errors.Is(err, ErrTimeout) || !errors.Is(err, ErrHostUnreachable) || !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("%v: Err %v", state, err)
		}
		var timeout interface{ Timeout() bool }
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v: %v is no timeout", state, err)
		}
	}
}

func TestStatusIsDisproved(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write("x")
	s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, codePort, 0, s.quote(1))
	s.in("A", 1, 2, "")
	s.write("y")
	s.wait(2 * DefaultTimeout)
	if s.c.Err() != ErrTimeout {
		t.Errorf("Err %v", s.c.Err())
	}
}

// Only segments under way can be reported (RFC 5927, section 4.1).
func TestForgedStatus(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write("question")
	for _, seq := range []int{0, -1, 9, 10, 1 << 31} {
		for code := range uint8(16) {
			s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, code, 68, s.quote(seq))
		}
	}
	for icmpType := range uint8(255) {
		if icmpType != icmpUnreachable && icmpType != 11 && icmpType != 12 {
			s.e.Status(s.now, wire.Addrs[1], icmpType, 0, 0, s.quote(1))
		}
	}
	if s.e.Stats().StatusTaken != 0 || s.c.soft != nil || s.c.mss != 1000 {
		t.Errorf("%+v, MSS %d", s.e.Stats(), s.c.mss)
	}
}

func TestPathMTU(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write(kilo + kilo + "end")
	s.out("A 1:1001(1000) ack 1", "A 1001:2001(1000) ack 1", "PA 2001:2004(3) ack 1")
	cwnd := s.c.Info().CWND
	s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, codeTooLarge, 840, s.quote(1))
	s.out("A 1:801(800) ack 1", "A 801:1001(200) ack 1", "A 1001:1801(800) ack 1", "A 1801:2001(200) ack 1")
	// The second report of the same says nothing new.
	s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, codeTooLarge, 840, s.quote(1001))
	s.out()
	if i := s.c.Info(); i.MSS != 800 || i.CWND != cwnd {
		t.Errorf("MSS %d, CWND %d, before %d", i.MSS, i.CWND, cwnd)
	}
	s.in("A", 1, 2004, "")
	s.write(kilo)
	s.out("A 2004:2804(800) ack 1", "PA 2804:3004(200) ack 1")
	if n := s.e.Stats().Timeouts; n != 0 {
		t.Errorf("%d timeouts", n)
	}
}

// However small the reported MTU, segments keep their floor.
func TestPathMTUFloor(t *testing.T) {
	for _, mtu := range []int{0, 1, 68, 300} {
		s := inState(t, Established, Options{})
		s.write(kilo)
		s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, codeTooLarge, mtu, s.quote(1))
		if got := s.c.Info().MSS; got != minPathMSS {
			t.Errorf("MTU %d: MSS %d", mtu, got)
		}
	}
}

// A segment with FIN is cut before its FIN.
func TestPathMTUCutsFIN(t *testing.T) {
	s := inState(t, Established, Options{})
	s.window = 0
	s.in("A", 1, 1, "")
	s.write(kilo)
	s.c.CloseWrite(s.now)
	s.window = 60000
	s.in("A", 1, 1, "")
	s.out("FPA 1:1001(1000) ack 1")
	s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, codeTooLarge, 640, s.quote(1))
	s.out("A 1:601(600) ack 1", "FPA 601:1001(400) ack 1")
	s.in("A", 1, 1002, "")
	s.state(FinWait2)
}
