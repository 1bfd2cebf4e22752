package tcpmod

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/wire"
)

// What went wrong in other implementations and is not tested elsewhere here.

// A probe of a closed window is answered though it has no data
// (gvisor#10243), in the window and just below it.
func TestEmptyWindowProbeIsAnswered(t *testing.T) {
	s := inState(t, Established, Options{ReceiveBuffer: 1000})
	s.ev.take = 0
	s.in("A", 1, 1, kilo)
	s.e.Flush(s.now)
	s.out("A 1:1(0) ack 1001")
	s.in("A", 1000, 1, "") // SND.UNA - 1
	s.out("A 1:1(0) ack 1001")
	s.in("A", 1001, 1, "y") // one byte that there is no room for
	s.out("A 1:1(0) ack 1001")
}

// A peer that takes window back, even below what is under way (gvisor#10312,
// smoltcp#489): nothing is sent beyond it, ACKs stay acceptable, and it goes on
// when the window opens.
func TestPeerShrinksItsWindow(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write(kilo + kilo + kilo)
	s.port.out = nil
	s.window = 500
	s.in("A", 1, 1001, "")
	s.write("more")
	s.out()
	s.in("PA", 1, 1001, "data")
	s.e.Flush(s.now)
	s.out("A 1501:1501(0) ack 5") // the highest number that the peer accepts
	s.window = 0
	s.in("A", 5, 1001, "")
	s.wait(DefaultMinRTO)
	for _, b := range s.port.out { // what was within the old window may come again
		if h := Header(b); seqNum(h.Seq()).sub(s.iss)+len(h.Payload()) > 3001 {
			t.Errorf("sent up to %d", seqNum(h.Seq()).sub(s.iss)+len(h.Payload()))
		}
	}
	for range 10 * DefaultTimeout / time.Second { // it answers, and so it lives
		s.wait(time.Second)
		s.in("A", 5, 1001, "")
	}
	s.state(Established)
	s.port.out = nil
	s.window = 60000
	s.in("A", 5, 3001, "")
	s.out("PA 3001:3005(4) ack 5")
	s.in("A", 5, 3005, "")
	s.state(Established)
}

// A reset with ACK in the handshake resets (gvisor#6076).
func TestResetDoesNotComplete(t *testing.T) {
	s := inState(t, SynRcvd, Options{})
	s.in("RA", 1, 1, "")
	s.state(Closed)
	s.events()
	s.out()
}

// Counts that double or add up do not overflow (smoltcp#224).
func TestCountersStayInRange(t *testing.T) {
	s := inState(t, Established, Options{Timeout: 365 * 24 * time.Hour})
	s.write("x")
	for range 10000 {
		s.wait(DefaultMaxRTO)
	}
	s.state(Established)
	if rto := s.c.Info().RTO; rto != DefaultMaxRTO {
		t.Errorf("RTO %v", rto)
	}
	s.in("A", 1, 2, "")
	s.port.out = nil
	s.window = 0
	s.in("A", 1, 2, "")
	s.write("y")
	for range 10000 {
		s.wait(DefaultMaxRTO)
		s.in("A", 1, 2, "")
	}
	s.state(Established)
	if n := len(s.port.out); n < 9000 || n > 11000 {
		t.Errorf("%d probes in 10,000 maximal intervals", n)
	}
}

// A window that the reader opens after it was closed is announced at once
// (smoltcp#199, #935), though the peer asks nothing.
func TestReopenedWindowIsAnnounced(t *testing.T) {
	s := inState(t, Established, Options{ReceiveBuffer: 4000})
	s.ev.take = 0
	for i := range 4 {
		s.in("A", 1+1000*i, 1, kilo)
	}
	s.e.Flush(s.now)
	s.port.out = nil
	s.ev.take = -1
	s.c.Resume(s.now)
	if h := Header(s.port.out[0]); h.Window() != 4000 {
		t.Errorf("window %d", h.Window())
	}
	s.out("A 1:1(0) ack 4001")
}

// Old ACKs, overtaken by newer ones, are no offence (smoltcp#12): their data
// counts.
func TestOvertakenAckWithData(t *testing.T) {
	s := inState(t, Established, Options{})
	s.write(kilo + kilo)
	s.in("A", 4, 2001, "def")
	s.in("A", 1, 1001, "abc")
	if string(s.ev.data) != "abcdef" || s.c.snd.una != s.iss.add(2001) {
		t.Errorf("data %q, SND.UNA %d", s.ev.data, s.c.snd.una.sub(s.iss))
	}
}

// Blind attacks: an attacker that knows addresses and ports, but no sequence
// number, throws every kind of segment at a connection. It changes nothing, and
// is answered within limits.
func TestBlindAttack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := openSACK(t, Options{})
	s.write("ours")
	s.port.out = nil
	const attacks = 20000
	for range attacks {
		seq, ack := rng.IntN(1<<32), rng.IntN(1<<32)
		if d := uint32(seq) - 1; d < 2<<20 || d > 1<<32-(2<<20) {
			continue // a hit within twice the window: not blind any more
		}
		flags := []string{"R", "RA", "S", "SA", "A", "PA", "FA", "F", "FPUA"}[rng.IntN(9)]
		data := ""
		if rng.IntN(2) == 0 {
			data = "evil"
		}
		s.in(flags, seq, ack, data)
		s.state(Established)
	}
	if len(s.ev.data) != 0 || s.c.snd.una != s.iss.add(1) || s.c.rcv.nxt != s.peerISS.add(1) {
		t.Errorf("data %q, SND.UNA %d, RCV.NXT %d", s.ev.data, s.c.snd.una.sub(s.iss), s.c.rcv.nxt.sub(s.peerISS))
	}
	if n := len(s.port.out); n > challengeBurst {
		t.Errorf("%d answers", n)
	}
	for _, b := range s.port.out {
		if h := Header(b); h.Flags() != ACK || len(h.Payload()) != 0 {
			t.Fatalf("answered with %v, %d bytes", h.Flags(), len(h.Payload()))
		}
	}
	s.in("PA", 1, 5, "honest")
	if string(s.ev.data) != "honest" {
		t.Errorf("data %q", s.ev.data)
	}
}

// A flood of SYNs from everywhere, and of segments for no connection: the
// half-open connections and the memory stay within the limit, and an
// established connection goes on.
func TestFloodBesideConnection(t *testing.T) {
	s := newSim(1)
	a, b := user{total: 100_000, greedy: true}, user{total: 100_000, greedy: true}
	s.connect(t, Options{}, &a, &b)
	s.Run(time.Second, func() bool { return b.open })
	rng := rand.New(rand.NewPCG(1, 1))
	e := s.Ends[1]
	flood := func() {
		seg := make([]byte, HeaderLen)
		Header(seg).put(seqNum(rng.Uint32()), seqNum(rng.Uint32()), HeaderLen, []Flags{SYN, SYN, ACK, RST, FIN | ACK}[rng.IntN(5)], 1000)
		binary.BigEndian.PutUint16(seg[offSrcPort:], uint16(1+rng.IntN(65535)))
		binary.BigEndian.PutUint16(seg[offDstPort:], 80)
		src := wire.Addrs[1].As4()
		src[1], src[3] = byte(rng.IntN(256)), byte(1+rng.IntN(250))
		e.Receive(s.Now, netip.AddrFrom4(src), wire.Addrs[1], seg)
	}
	done := s.Run(10*time.Second, func() bool {
		for range 20 {
			flood()
		}
		if n := len(e.conns); n > maxHalfOpen+1 {
			t.Fatalf("%d connections", n)
		}
		return a.ended && b.ended
	})
	if !done || a.err != io.EOF || b.err != io.EOF || a.got != 100_000 || b.got != 100_000 {
		t.Errorf("got %d and %d, %v and %v", a.got, b.got, a.err, b.err)
	}
	if e.Stats().Refused == 0 {
		t.Errorf("no flood: %+v", e.Stats())
	}
	s.Run(time.Minute, func() bool { return len(e.conns) == 0 })
	if n := len(e.conns); n != 0 {
		t.Errorf("%d connections are left a minute later", n)
	}
}

// Segments on the wire have the thesis's sizes: 40 bytes of headers, IP's
// included, and the message.
func TestSizesOnTheWire(t *testing.T) {
	s := openSACK(t, Options{})
	for _, message := range []int{24, 28, 32, 16} {
		s.port.out = nil
		s.write(kilo[:message])
		if n := len(s.port.out[0]) + ipHeaderLen; n != message+40 {
			t.Errorf("a message of %d bytes has %d on the wire", message, n)
		}
	}
}
