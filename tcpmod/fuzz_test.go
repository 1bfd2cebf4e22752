package tcpmod

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"deputy/internal/congestion"

	"deputy/internal/wire"
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
		h.validChecksum(wire.Addrs[0], wire.Addrs[1])
		_ = h.Flags().String()
		if o := parseSYNOptions(h.Options()); o.scale > maxScale {
			t.Errorf("scale %d", o.scale)
		}
	})
}

// FuzzReceive hands raw segments to an endpoint that listens and has a
// connection, as anybody on the network could.
func FuzzReceive(f *testing.F) {
	f.Add(false, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, byte(SYN), 1, 0, 0, 0, 0, 0})
	f.Add(true, []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, byte(ACK), 1, 0, 0, 0, 0, 0, 1, 1, optSACK, 10, 0, 0, 0, 9, 0, 0, 0, 99})
	f.Fuzz(func(t *testing.T, known bool, b []byte) {
		s := openSACK(t, Options{Timestamps: true})
		s.write(kilo)
		if len(b) >= HeaderLen {
			// Ports that exist, and numbers relative to those expected.
			port := uint16(scriptPeer)
			if !known {
				port++
			}
			binary.BigEndian.PutUint16(b[offSrcPort:], port)
			binary.BigEndian.PutUint16(b[offDstPort:], scriptLocal)
			binary.BigEndian.PutUint32(b[offSeq:], binary.BigEndian.Uint32(b[offSeq:])+uint32(s.c.rcv.nxt))
			binary.BigEndian.PutUint32(b[offAck:], binary.BigEndian.Uint32(b[offAck:])+uint32(s.c.snd.una))
		}
		s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
		if err := s.e.check(); err != nil {
			t.Fatal(err)
		}
		h, err := Parse(b)
		if err != nil || !known || s.c.State() == Established {
			return
		}
		// Only the exact next reset, or a FIN in the window, changes the state.
		exact := seqNum(h.Seq()) == s.peerISS+1
		if h.Flags()&RST != 0 && !exact {
			t.Errorf("%v after a reset with another sequence number", s.c.State())
		}
		if h.Flags()&(RST|FIN) == 0 {
			t.Errorf("%v after %v", s.c.State(), h.Flags())
		}
	})
}

// FuzzStatus hands in ICMP reports: none ends an established connection.
func FuzzStatus(f *testing.F) {
	f.Add(uint8(3), uint8(4), 68, []byte{0, 80, 0x9c, 0x40, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, icmpType, code uint8, mtu int, quoted []byte) {
		s := openSACK(t, Options{})
		s.write(kilo)
		s.e.Status(s.now, wire.Addrs[1], icmpType, code, mtu, quoted)
		if len(quoted) >= 8 { // and with what it takes to be believed
			s.e.Status(s.now, wire.Addrs[1], icmpType, code, mtu, append(s.quote(1+int(quoted[7])), quoted...))
		}
		if err := s.e.check(); err != nil {
			t.Fatal(err)
		}
		if s.c.State() != Established || s.c.mss < minPathMSS {
			t.Errorf("%v, MSS %d", s.c.State(), s.c.mss)
		}
	})
}

// What the fuzzed connections have, in the bits of mode.
const (
	fuzzSACK = 1 << iota
	fuzzTimestamps
	fuzzCubic
	fuzzNagle
)

// FuzzConnection throws segments, calls and time at a connection in every
// state, and checks what must always hold. Each step is 5 bytes: what to do,
// and its arguments.
func FuzzConnection(f *testing.F) {
	f.Add(byte(Established), []byte{0x10, 0, 0, 0, 9, 0x80, 50, 0, 0, 0, 0x18, 0, 0, 0, 100, 0x91, 5, 0, 0, 0}, byte(0))
	f.Add(byte(SynSent), []byte{0x12, 0, 0xff, 0, 0, 0x18, 1, 1, 0, 9, 0x11, 10, 1, 0, 0}, byte(fuzzNagle))
	f.Add(byte(SynRcvd), []byte{0x10, 1, 1, 0, 200, 0x82, 0, 0, 0, 0, 0x11, 1, 2, 0, 0}, byte(fuzzCubic))
	for s := FinWait1; s <= TimeWait; s++ {
		f.Add(byte(s), []byte{0x18, 5, 1, 0, 40, 0x10, 0, 0, 0, 90, 0x11, 0, 1, 0, 0, 0x90, 200, 0, 0, 0, 0x04, 1, 0, 0, 0}, byte(s))
	}
	f.Add(byte(Established), []byte{0x80, 0, 0, 0, 99, 0x80, 0, 0, 0, 99, 0x30, 0, 0, 90, 2, 0x81, 0, 0, 0, 9, 0x30, 0, 0, 90, 1}, byte(fuzzSACK|fuzzTimestamps))
	f.Fuzz(func(t *testing.T, state byte, steps []byte, mode byte) {
		o := Options{
			ReceiveBuffer: 3000, SendBuffer: 3000, Nagle: mode&fuzzNagle != 0,
			NoSACK: mode&fuzzSACK == 0, Timestamps: mode&fuzzTimestamps != 0,
		}
		if mode&fuzzCubic != 0 {
			o.Congestion = congestion.Cubic
		}
		s := inStateWith(t, SynSent+State(state)%TimeWait, o, fuzzSYN(mode)...)
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
				var options []byte
				if mode&fuzzSACK != 0 && op&0x20 != 0 {
					from := s.c.snd.una.sub(s.iss) + int(window)
					options = s.sack(from, from+n, from+2*n, from+3*n)
				}
				if mode&fuzzTimestamps != 0 && op&0x40 == 0 {
					options = append(options, stamped(s.c.ts.recent+uint32(a), s.c.ts.tick(s.now)-uint32(window))...)
				}
				s.in(flags, seq, ack, kilo[:n*3], options...)
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
		}
		s.c.Close(s.now)
		s.wait(5 * time.Minute)
		if len(s.e.conns) != 0 {
			for _, c := range s.e.conns {
				t.Fatalf("left for ever: %+v", c.Info())
			}
		}
	})
}

// fuzzSYN returns the options of the peer's SYN.
func fuzzSYN(mode byte) (b []byte) {
	b = mss1000
	if mode&fuzzSACK != 0 {
		b = slices.Concat(b, sackOK)
	}
	if mode&fuzzTimestamps != 0 {
		b = slices.Concat(b, stamped(0, 0))
	}
	return b
}

// stamped makes a Timestamps option.
func stamped(value, echo uint32) []byte {
	b := []byte{optNop, optNop, optTimestamps, 10}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, value), echo)
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
	case 11:
		s.e.Status(s.now, wire.Addrs[1], icmpUnreachable, byte(a), 4*n, s.quote(s.c.snd.una.sub(s.iss)))
	}
}
