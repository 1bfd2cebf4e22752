package tcpmod

import (
	"encoding/binary"
	"io"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/wire"
)

// trainPort is a port of a sim below which trains are cut, as the kernel does it.
type trainPort struct {
	*wire.Port
	train  [65535]byte
	trains int
}

func (p *trainPort) MaxTrain(netip.Addr) int { return len(p.train) }
func (p *trainPort) TrainBuffer() []byte     { return p.train[:] }

func (p *trainPort) SendTrain(now time.Duration, dst netip.Addr, n, header, size int) error {
	p.trains++
	h := Header(p.train[:n])
	for at := header; at < n; at += size {
		end := min(at+size, n)
		b := p.Buffer()
		copy(b, h[:header])
		copy(b[header:], h[at:end])
		binary.BigEndian.PutUint32(b[offSeq:], h.Seq()+uint32(at-header))
		if end < n {
			b[offFlags] &^= byte(FIN | PSH)
		}
		if err := p.Send(now, dst, header+end-at); err != nil {
			return err
		}
	}
	return nil
}

// newTrainSim is newSim with networks that take trains.
func newTrainSim(seed uint64) (*sim, [2]*trainPort) {
	s := newSim(seed)
	var ports [2]*trainPort
	for i := range s.Ends {
		ports[i] = &trainPort{Port: s.Ports[i]}
		s.Ends[i] = New(ports[i], Config{Seed: &[32]byte{byte(seed), byte(i)}})
	}
	return s, ports
}

// Streams through trains arrive as they were written, also when segments of them are lost, twice or late; with options
// that a train cannot carry there is none.
func TestTrains(t *testing.T) {
	const seeds = 200
	total := 0
	for seed := uint64(1); seed <= seeds; seed++ {
		s, ports := newTrainSim(seed)
		if seed%4 != 0 {
			s.Loss, s.Dup, s.Reorder = s.Rand.Float64()*0.05, s.Rand.Float64()*0.02, s.Rand.Float64()*0.1
		}
		o := Options{Timestamps: seed%3 == 0, NoSACK: seed%5 == 0}
		if seed%7 == 0 {
			o.Integrity = IntegrityChecksum
		}
		a, b := user{total: 400_000, greedy: true}, user{total: 100_000, greedy: true}
		s.connect(t, o, &a, &b)
		done := func() bool { return a.ended && b.ended }
		if !s.Run(time.Minute, done) || a.err != io.EOF || b.err != io.EOF || a.got != a.want || b.got != b.want {
			t.Fatalf("seed %d at %v: got %d of %d and %d of %d, ends %v and %v", seed, s.Now, a.got, a.want, b.got, b.want, a.err, b.err)
		}
		trains := ports[0].trains
		if trains > 0 && o.Integrity != IntegrityNone {
			t.Errorf("seed %d: %d trains with integrity %v", seed, trains, o.Integrity)
		}
		total += trains
		if in, out := s.Ends[1].Stats().SegmentsIn, s.Ends[0].Stats().SegmentsOut; s.Loss == 0 && in != out {
			t.Errorf("seed %d: %d segments sent, %d received", seed, out, in)
		}
	}
	if total < 10*seeds {
		t.Errorf("%d trains in %d streams", total, seeds)
	}
}

// The write buffer of a user fills before anything is sent: then there is one train, of full segments, and the rest.
func TestTrainOfOneWrite(t *testing.T) {
	s, ports := newTrainSim(1)
	a, b := user{hold: true}, user{greedy: true, hold: true}
	s.connect(t, Options{}, &a, &b)
	if !s.Run(time.Second, func() bool { return b.open }) {
		t.Fatal("not open")
	}
	before := s.Ends[0].Stats()
	p := make([]byte, 10*a.c.mss+5)
	for i := range p {
		p[i] = pattern(0, i)
	}
	if n := a.c.Write(s.Now, p); n != len(p) {
		t.Fatalf("%d of %d bytes taken", n, len(p))
	}
	sent := s.Ends[0].Stats().SegmentsOut - before.SegmentsOut
	if ports[0].trains != 1 || sent != 11 {
		t.Errorf("%d trains, %d segments; want 1 and 11", ports[0].trains, sent)
	}
	b.want = len(p)
	if !s.Run(time.Second, func() bool { return b.got == len(p) }) {
		t.Errorf("%d of %d bytes arrived", b.got, len(p))
	}
}
