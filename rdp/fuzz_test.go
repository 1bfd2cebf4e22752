package rdp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"deputy/internal/congestion"
	"deputy/internal/wire"
)

// FuzzParse: no input makes Parse or an accessor panic, and what it accepts is a segment of RFC 908.
func FuzzParse(f *testing.F) {
	for _, g := range golden {
		f.Add(unhex(f, g.hex))
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 600))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, data, err := Parse(b)
		if err != nil {
			if h != nil || data != nil {
				t.Errorf("error %v and a segment", err)
			}
			return
		}
		if len(h)+len(data) != len(b) || len(h)%2 != 0 {
			t.Errorf("header of %d and data of %d bytes in %d", len(h), len(data), len(b))
		}
		flags := h.Flags()
		if flags&(SYN|RST|NUL) != 0 && len(data) > 0 {
			t.Errorf("data with flags %#x", flags)
		}
		if len(data) > 0 && flags&ACK == 0 {
			t.Error("data without ACK")
		}
		if n := h.EACKs(); (n > 0) != (flags&EACK != 0) || n > MaxEACKs {
			t.Errorf("%d EACKs with flags %#x", n, flags)
		}
		for i := range h.EACKs() {
			h.EACK(i)
		}
		checksumOK(b, wire.Addrs[0], wire.Addrs[1])

		// Written again, it is the same.
		own := bytes.Clone(b)
		putHeader(own, flags, len(h), h.Source(), h.Destination(), len(data), h.Seq(), h.Ack())
		if flags&SYN != 0 {
			putSYN(own, h.Outstanding(), h.SegmentSize(), h.Sequenced())
			own[offSynOptions], own[offSynOptions+1] = b[offSynOptions], b[offSynOptions+1]&^1|own[offSynOptions+1]
		}
		copy(own[offChecksum:offVariable], b[offChecksum:])
		if !bytes.Equal(own, b) {
			t.Errorf("written again\n%x, was\n%x", own, b)
		}
	})
}

// fuzzUser takes messages whose first byte is the low byte of their sequence number, unless it is told not to.
type fuzzUser struct {
	t     *testing.T
	s     *script
	sent  map[uint32][]int // lengths that the fuzzer sent, by sequence number
	taken map[uint32]bool
	last  uint32 // taken
	full  bool
	reply int // bytes to answer with, 0 for none
	ended bool
}

func (u *fuzzUser) OnOpen(time.Duration) { u.alive("OnOpen") }
func (u *fuzzUser) OnSpace(time.Duration) {
	u.alive("OnSpace")
}

func (u *fuzzUser) OnData(time.Duration, []byte) int {
	u.t.Error("OnData instead of OnMessage")
	return 0
}

func (u *fuzzUser) OnEnd(_ time.Duration, err error) {
	u.alive("OnEnd")
	if u.ended = true; err == nil {
		u.t.Error("OnEnd without a reason")
	}
}

func (u *fuzzUser) alive(event string) {
	if u.ended {
		u.t.Errorf("%s after OnEnd", event)
	}
}

func (u *fuzzUser) OnMessage(now time.Duration, p []byte) bool {
	u.alive("OnMessage")
	if u.full {
		return false
	}
	seq := binary.BigEndian.Uint32(p)
	if !slices.Contains(u.sent[seq], len(p)) || u.taken[seq] {
		u.t.Errorf("message %d of %d bytes, sent with %d, taken: %v", seq, len(p), u.sent[seq], u.taken[seq])
	}
	if !u.s.r.arrivalOrder && len(u.taken) > 0 && before(seq, u.last) {
		u.t.Errorf("message %d after %d", seq, u.last)
	}
	u.taken[seq], u.last = true, seq
	if u.reply > 0 {
		u.s.r.Write(now, make([]byte, u.reply))
	}
	return true
}

// FuzzRecord throws segments, calls and time at a connection in every state, and checks what must always hold. The
// first byte is the state and the options; each step is 5 bytes: what to do, and its arguments.
func FuzzRecord(f *testing.F) {
	for state := range byte(4) {
		f.Add(state, []byte{0x10, 1, 0, 9, 0, 0x00, 2, 1, 5, 0, 0x80, 50, 0, 0, 0, 0x81, 5, 0, 0, 0, 0x10, 0, 0, 8, 0})
		f.Add(state|0x10, []byte{0x10, 3, 0, 9, 0, 0x10, 1, 0, 9, 0, 0x83, 1, 0, 0, 0, 0x10, 2, 0, 9, 0, 0x84, 0, 0, 0, 0})
		f.Add(state|0x20, []byte{0x80, 9, 0, 0, 0, 0x80, 9, 0, 0, 0, 0x12, 1, 1, 2, 0, 0x08, 1, 0, 0, 0, 0x86, 0, 0, 0, 0, 0x82, 3, 0, 0, 0})
		f.Add(state|0x08, []byte{0x80, 200, 0, 0, 0, 0x80, 200, 0, 0, 0, 0x10, 1, 2, 0, 0x24, 0x81, 90, 0, 0, 0, 0x00, 1, 2, 0, 0, 0x82, 1, 0, 0, 0})
		f.Add(state|0x40, []byte{0x83, 1, 0, 0, 0, 0x10, 1, 0, 9, 0, 0x10, 2, 0, 9, 0, 0x04, 3, 0, 0, 0, 0x83, 0, 0, 0, 0, 0x84, 0, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, start byte, steps []byte) {
		s := newScript(t)
		s.base = uint32(start) << 24 // half of them beyond 2^31
		s.sdm = start&0x10 == 0
		s.max = 1 + uint16(start>>6)*3
		o := Options{Outstanding: 1 + int(start>>6)*2, SendBuffer: 3000, Linger: time.Hour, ArrivalOrder: start&0x10 != 0, Checksum: start&0x20 != 0}
		s.checksum = o.Checksum
		if start&0x40 != 0 {
			s.e.memory = 2 * scriptMTU
		}
		if start&0x08 != 0 {
			o.Congestion = congestion.Reno
		}
		s.reach([]State{StateSynSent, StateSynReceived, StateOpen, StateCloseWait}[start&3], o)
		u := &fuzzUser{t: t, s: s, sent: make(map[uint32][]int), taken: make(map[uint32]bool)}
		u.ended = s.r.ended
		delete(s.e.listeners, scriptLocal) // no other connection
		if l := s.r.listener; l != nil {
			l.accept = func(time.Duration, *Record) Events { return u }
		} else {
			s.r.setEvents(u)
		}
		for ; len(steps) >= 5; steps = steps[5:] {
			if op := steps[0]; op&0x80 == 0 {
				u.segment(op, steps[1], steps[2], steps[3], steps[4])
			} else {
				u.call(op, steps[1])
			}
			if err := s.e.check(); err != nil {
				t.Fatal(err)
			}
			for _, b := range s.port.out {
				if _, _, err := Parse(b); err != nil {
					t.Fatal(err)
				}
			}
			s.port.out = nil
		}
		// Left alone, it ends: the peer never answers.
		u.full, u.reply, s.port.err = false, 0, nil
		s.r.Resume(s.now)
		s.r.Close(s.now)
		s.wait(5 * time.Minute)
		s.idle()
		if !u.ended && s.r.events != nil {
			t.Error("no OnEnd")
		}
	})
}

// segment hands in a segment with numbers near those that are expected, or far away; the bits of op say which flags.
func (u *fuzzUser) segment(op, a, b, n, seed byte) {
	s, r := u.s, u.s.r
	flags := ACK
	for i, f := range []Flags{ACK, SYN, NUL, RST, EACK} { // bit 0 takes ACK away
		if op&(1<<i) != 0 {
			flags ^= f
		}
	}
	seq, ack := r.rcvCur+uint32(int8(a)), r.sndUna-1+uint32(int8(b))
	if op&0x20 != 0 {
		seq, ack = seq+uint32(int8(a))<<20, ack+uint32(int8(b))<<20
	}
	size, eacks := 0, 0
	switch {
	case flags&SYN != 0:
		flags &= SYN | ACK
	case flags&RST != 0:
		flags &= RST | ACK
	case flags&EACK != 0:
		flags |= ACK
		eacks = 1 + int(seed%5)
	}
	if flags&(SYN|RST|NUL) == 0 && flags&ACK != 0 && n > 0 {
		size = 4 + int(n)*6
	}
	h := HeaderLen + 4*eacks
	if flags&SYN != 0 {
		h = synLen
	}
	p := make([]byte, h+size)
	putHeader(p, flags, h, scriptPeer, scriptLocal, size, seq, ack)
	if flags&SYN != 0 {
		putSYN(p, uint16(seed), uint16(n)<<3, s.sdm)
	}
	for i := range eacks {
		binary.BigEndian.PutUint32(p[HeaderLen+4*i:], ack+uint32(i)*uint32(seed>>4)+1)
	}
	if size > 0 {
		binary.BigEndian.PutUint32(p[h:], seq)
		u.sent[seq] = append(u.sent[seq], size)
	}
	if s.checksum {
		putChecksum(p, wire.Addrs[1], wire.Addrs[0])
	}
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], p)
}

// call is a call of the user, or time that passes.
func (u *fuzzUser) call(op, a byte) {
	s := u.s
	switch op & 0xf {
	case 0:
		s.r.Write(s.now, make([]byte, int(a)*8))
	case 1:
		s.wait(time.Duration(a) * 100 * time.Microsecond)
	case 2:
		s.wait(time.Duration(a) * time.Second)
	case 3:
		u.full = a&1 != 0
	case 4:
		s.r.Resume(s.now)
	case 5:
		s.e.Flush(s.now)
	case 6:
		s.r.Close(s.now)
	case 7:
		s.r.Abort(s.now)
	case 8:
		s.r.CloseWrite(s.now)
	case 9:
		u.reply = int(a)
	case 10:
		s.port.err = errors.New("no room")
	case 11:
		s.port.err = nil
	case 12:
		_ = s.r.WriteMessage(s.now, make([]byte, int(a)*8))
	}
}
