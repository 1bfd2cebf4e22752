package tcpmod

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"testing"
	"time"
)

// The CRC by hand: pseudo-header and segment, its own field and the checksum
// field zero.
func TestCRCOption(t *testing.T) {
	s := newScript(t)
	s.dialRaw(Options{Integrity: IntegrityCRC32C})
	b := s.port.out[0]
	if !Header(b).hasCRC() || Header(b).Checksum() != 0 {
		t.Fatalf("sent %x", b)
	}
	if o := parseSYNOptions(Header(b).Options()); o.mss != 1000 || !o.hasScale || !o.sack {
		t.Errorf("beside the CRC: %+v", o)
	}
	got := binary.BigEndian.Uint32(b[offCRC:])
	clear(b[offCRC : offCRC+4])
	pseudo := []byte{10, 0, 0, 1, 10, 0, 0, 2, 0, Protocol, 0, byte(len(b))}
	want := crc32.Checksum(append(pseudo, b...), crc32.MakeTable(crc32.Castagnoli))
	if got != want {
		t.Errorf("CRC %#x, want %#x", got, want)
	}
}

// Ends that differ find out at once, and nothing is left of the attempt.
func TestIntegrityMismatch(t *testing.T) {
	all := []Integrity{IntegrityNone, IntegrityChecksum, IntegrityCRC32C}
	for _, dialer := range all {
		for _, listener := range all {
			t.Run(fmt.Sprint(dialer, " to ", listener), func(t *testing.T) {
				s := newSim(1)
				a, b := user{hold: true}, user{hold: true}
				s.connectEach(t, Options{Integrity: dialer}, Options{Integrity: listener}, &a, &b)
				s.Run(time.Second, func() bool { return a.open || a.ended })
				if a.open != (dialer == listener) {
					t.Fatalf("open %v, %v", a.open, a.err)
				}
				if dialer == listener {
					return
				}
				if a.err != ErrRefused {
					t.Errorf("OnEnd %v", a.err)
				}
				if s.Now > time.Millisecond || len(s.Ends[0].conns)+len(s.Ends[1].conns) != 0 {
					t.Errorf("after %v %d and %d connections are left", s.Now, len(s.Ends[0].conns), len(s.Ends[1].conns))
				}
			})
		}
	}
}

// A listener that doesn't know our option answers without it, as RFC 9293 says
// of unknown options.
func TestIntegrityUnknownToThePeer(t *testing.T) {
	s := newScript(t)
	s.dialRaw(Options{Integrity: IntegrityCRC32C})
	s.iss = s.c.snd.iss
	s.port.out = nil
	s.in("S", 0, 0, "") // could be of anybody
	s.in("SA", 0, 7, "")
	s.in("SA", 0, 1, "") // the option may have been damaged
	s.state(SynSent)
	s.out()
	s.in("SA", 0, 1, "")
	s.state(Closed)
	s.events("end " + ErrIntegrity.Error())
	s.out("R 1:1(0)")
}

// Whatever is damaged on the way is dropped, and repaired as a loss.
func TestCorruptionIsRepaired(t *testing.T) {
	for _, i := range []Integrity{IntegrityChecksum, IntegrityCRC32C} {
		for seed := uint64(1); seed <= 60; seed++ {
			s := newSim(seed)
			if i == IntegrityCRC32C {
				s.Corrupt, s.Bits = 0.1, 3
			} else {
				s.Corrupt = 0.1
			}
			a, b := user{total: 100_000, greedy: true}, user{total: 50_000, greedy: true}
			s.connect(t, Options{Integrity: i, Timestamps: seed%2 == 0}, &a, &b)
			if !s.Run(time.Minute, func() bool { return a.ended && b.ended }) {
				t.Fatalf("option %d, seed %d: got %d and %d", i, seed, a.got, b.got)
			}
			if a.err != io.EOF || b.err != io.EOF || a.got != 50_000 || b.got != 100_000 {
				t.Fatalf("option %d, seed %d: got %d and %d, %v and %v", i, seed, a.got, b.got, a.err, b.err)
			}
			if s.Ends[0].Stats().BadChecksum == 0 || s.Ends[1].Stats().BadChecksum == 0 {
				t.Errorf("option %d, seed %d: nothing was dropped", i, seed)
			}
		}
	}
}

// A segment for no connection is answered so that its sender believes it.
func TestResetHasIntegrity(t *testing.T) {
	s := newSim(1)
	a := user{t: t, s: s, end: 0}
	var err error
	a.c, err = s.Ends[0].DialFrom(0, 50000, addrPort(1, 81), Options{Integrity: IntegrityCRC32C}, &a)
	if err != nil {
		t.Fatal(err)
	}
	s.Run(time.Second, func() bool { return a.ended })
	if a.err != ErrRefused {
		t.Errorf("OnEnd %v", a.err)
	}
}
