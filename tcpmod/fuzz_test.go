package tcpmod

import (
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, HeaderLen))
	b := make([]byte, 64)
	Header(b).put(1, 2, 60, SYN|ACK, 3)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		if err != nil {
			return
		}
		if len(h.Options())+len(h.Payload())+HeaderLen != len(b) {
			t.Errorf("parts of %d and %d bytes in %d", len(h.Options()), len(h.Payload()), len(b))
		}
		h.SrcPort()
		h.Checksum()
		h.validChecksum(simAddrs[0], simAddrs[1])
		_ = h.Flags().String()
		if o := parseSYNOptions(h.Options()); o.scale > maxScale {
			t.Errorf("scale %d", o.scale)
		}
	})
}

// FuzzConnection throws segments, calls and time at a connection in every
// state, and checks what must always hold. Each step is 5 bytes: what to do,
// and its arguments.
func FuzzConnection(f *testing.F) {
	f.Add(byte(Established), []byte{0x10, 0, 0, 0, 9, 0x80, 50, 0, 0, 0, 0x18, 0, 0, 0, 100, 0x91, 5, 0, 0, 0})
	f.Add(byte(SynSent), []byte{0x12, 0, 0xff, 0, 0, 0x18, 1, 1, 0, 9, 0x11, 10, 1, 0, 0})
	f.Add(byte(SynRcvd), []byte{0x10, 1, 1, 0, 200, 0x82, 0, 0, 0, 0, 0x11, 1, 2, 0, 0})
	for s := FinWait1; s <= TimeWait; s++ {
		f.Add(byte(s), []byte{0x18, 5, 1, 0, 40, 0x10, 0, 0, 0, 90, 0x11, 0, 1, 0, 0, 0x90, 200, 0, 0, 0, 0x04, 1, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, state byte, steps []byte) {
		o := Options{ReceiveBuffer: 3000, SendBuffer: 3000, Nagle: state&0x80 != 0}
		s := inState(t, SynSent+State(state&0x7f)%TimeWait, o)
		offered := 0
		for ; len(steps) >= 5; steps = steps[5:] {
			op, a, b, window, n := steps[0], int(int8(steps[1])), int(int8(steps[2])), steps[3], int(steps[4])
			if op&0x80 == 0 {
				// A segment: the low bits are the flags, numbers near what is expected.
				s.window = uint16(window) << 4
				seq := s.c.rcv.nxt.sub(s.peerISS) + a
				ack := s.c.snd.una.sub(s.iss) + b
				if op&0x40 != 0 {
					seq, ack = seq+a*1000, ack+b*1000
				}
				flags := ""
				for i, r := range "FSRPAU" {
					if op&(1<<i) != 0 {
						flags += string(r)
					}
				}
				s.in(flags, seq, ack, kilo[:n*3])
				offered += n * 3
			} else {
				s.userStep(op, a, n)
			}
			if err := s.e.check(); err != nil {
				t.Fatal(err)
			}
			for _, b := range s.port.out {
				if _, err := Parse(b); err != nil {
					t.Fatal(err)
				}
			}
			s.port.out = nil
		}
		if len(s.ev.data) > offered {
			t.Errorf("delivered %d bytes of %d", len(s.ev.data), offered)
		}
		// Left alone, it ends: the peer never answers.
		if s.c.State() != FinWait2 || s.c.detached {
			s.ev.take = -1
			s.c.Resume(s.now)
			s.c.Close(s.now)
		} else {
			s.c.Close(s.now)
		}
		s.wait(5 * time.Minute)
		if len(s.e.conns) != 0 {
			for _, c := range s.e.conns {
				t.Fatalf("left for ever: %+v", c.Info())
			}
		}
	})
}

// userStep is a call of the user, or time that passes.
func (s *script) userStep(op byte, a, n int) {
	switch op & 0xf {
	case 0:
		s.c.Write(s.now, []byte(kilo[:n]))
	case 1:
		s.wait(time.Duration(n) * time.Millisecond)
	case 2:
		s.wait(time.Duration(n) * time.Second)
	case 3:
		s.ev.take = a
	case 4:
		s.c.Resume(s.now)
	case 5:
		s.e.Flush(s.now)
	case 6:
		s.c.CloseWrite(s.now)
	case 7:
		s.c.Close(s.now)
	case 8:
		s.c.Abort(s.now)
	case 9:
		s.port.err = ErrTimeout
	case 10:
		s.port.err = nil
	}
}
