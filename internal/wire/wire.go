// Package wire joins the two endpoints of a transport's test on virtual time: a Wire loses, duplicates, delays,
// reorders and corrupts from one seed, a Pipe does nothing to what it carries, and so costs nothing. (internal/sim joins
// whole stacks; here are the transports alone, whose state a test of their own package can see.)
package wire

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// Endpoint is the machine of a transport at one end.
type Endpoint interface {
	Receive(now time.Duration, src, dst netip.Addr, segment []byte)
	Flush(now time.Duration)
	Advance(now time.Duration)
	Deadline() time.Duration
}

// MTU is that of both ends, without the IP header, in bytes.
const MTU = 1480

// Addrs are the addresses of the ends.
var Addrs = [2]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}

// Wire is a bad line between two endpoints. Its fields may be set at any time; the zero value of what it does to
// segments is nothing.
type Wire[E Endpoint] struct {
	Ends   [2]E
	Ports  [2]*Port // the networks of the ends
	Now    time.Duration
	Rand   *rand.Rand
	Flight []Segment // on the way, in order of arrival

	Delay              time.Duration // one way
	Loss, Dup, Reorder float64       // probabilities
	Corrupt            float64       // that bits of a segment change
	Bits               int           // how many at most; 0: one
	Cut                [2]bool       // nothing that this end sends arrives
	HoldACKs           bool          // Flush is not called when nothing arrives at the moment: held ACKs wait for the timer
	Bottleneck         time.Duration // that one segment occupies the line; 0: none
	Queue              int           // segments that wait for the bottleneck at most

	Check   func() // of the ends' state, called now and then
	Sent    int    // put on the line, copies included
	Dropped int    // by a full queue
	busy    [2]time.Duration
}

// Segment is one on its way.
type Segment struct {
	To    int // which end
	Bytes []byte
	at    time.Duration
	order int
}

// New is a wire that delays by 20 µs. Its ends are to be made on its ports.
func New[E Endpoint](seed uint64) *Wire[E] {
	w := &Wire[E]{Rand: rand.New(rand.NewPCG(seed, 1)), Delay: 20 * time.Microsecond}
	for i := range w.Ports {
		w.Ports[i] = &Port{addr: Addrs[i], carry: func(now time.Duration, segment []byte) { w.Carry(now, i, segment) }}
	}
	return w
}

// Port is the network of one end.
type Port struct {
	Err   error // of Send; nil: it sends
	addr  netip.Addr
	buf   [MTU]byte
	carry func(now time.Duration, segment []byte)
}

func (p *Port) Addr() netip.Addr { return p.addr }
func (p *Port) MTU() int         { return len(p.buf) }
func (p *Port) Buffer() []byte   { return p.buf[:] }

// Send sends the first n bytes of the buffer.
func (p *Port) Send(now time.Duration, _ netip.Addr, n int) error {
	if p.Err == nil {
		p.carry(now, p.buf[:n])
	}
	return p.Err
}

// Carry takes a segment from one end to the other, maybe.
func (w *Wire[E]) Carry(now time.Duration, from int, segment []byte) {
	if w.Cut[from] || w.Rand.Float64() < w.Loss {
		return
	}
	if w.Bottleneck > 0 {
		start := max(now, w.busy[from])
		if start-now > time.Duration(w.Queue)*w.Bottleneck {
			w.Dropped++
			return
		}
		w.busy[from] = start + w.Bottleneck
		now = w.busy[from]
	}
	copies := 1
	if w.Rand.Float64() < w.Dup {
		copies = 2
	}
	for range copies {
		w.Sent++
		s := Segment{To: 1 - from, Bytes: bytes.Clone(segment), at: now + w.Delay, order: w.Sent}
		if w.Rand.Float64() < w.Reorder {
			s.at += time.Duration(w.Rand.Int64N(int64(4*w.Delay) + 1))
		}
		if w.Rand.Float64() < w.Corrupt {
			for range 1 + w.Rand.IntN(max(w.Bits, 1)) {
				s.Bytes[w.Rand.IntN(len(segment))] ^= 1 << w.Rand.IntN(8)
			}
		}
		i, _ := slices.BinarySearchFunc(w.Flight, s, func(a, b Segment) int {
			if a.at != b.at {
				return int(a.at - b.at)
			}
			return a.order - b.order
		})
		w.Flight = slices.Insert(w.Flight, i, s)
	}
}

// Step lets the next thing happen: an arrival or a timer. It reports false if nothing is left to happen before limit.
func (w *Wire[E]) Step(limit time.Duration) bool {
	if w.Check != nil && w.Sent%16 == 0 {
		w.Check()
	}
	if !w.HoldACKs && (len(w.Flight) == 0 || w.Flight[0].at > w.Now) {
		for _, e := range w.Ends {
			e.Flush(w.Now)
		}
	}
	next := min(w.Ends[0].Deadline(), w.Ends[1].Deadline())
	if len(w.Flight) > 0 {
		next = min(next, w.Flight[0].at)
	}
	if next > limit {
		w.Now = limit
		return false
	}
	w.Now = max(w.Now, next)
	if len(w.Flight) > 0 && w.Flight[0].at <= w.Now {
		s := w.Take()
		w.Ends[s.To].Receive(w.Now, Addrs[1-s.To], Addrs[s.To], s.Bytes)
		return true
	}
	for _, e := range w.Ends {
		e.Advance(w.Now)
	}
	return true
}

// Take takes the next segment off the line; there is one.
func (w *Wire[E]) Take() Segment {
	s := w.Flight[0]
	w.Flight = w.Flight[1:]
	return s
}

// Run goes on until done, for at most d of virtual time; it reports done().
func (w *Wire[E]) Run(d time.Duration, done func() bool) bool {
	limit := w.Now + d
	for !done() {
		if !w.Step(limit) {
			return done()
		}
	}
	return true
}
