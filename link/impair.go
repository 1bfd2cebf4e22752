package link

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Never is the deadline of a device that waits for nothing.
const Never = time.Duration(math.MaxInt64)

const (
	// delayQueue is how many frames wait in an impaired device; more are dropped, as by netem's limit.
	// It is 50 ms of full-size frames at 1 Gbit/s.
	delayQueue = 4096
	// reorderHold is the longest that a frame to be reordered waits for another one to overtake it, so
	// that the last frame of an exchange arrives at all. It is below the retransmission times of our transports.
	reorderHold = time.Millisecond
)

// Impaired is a device around another one that impairs what is sent; what is received passes unchanged.
// Frames that are sent later than at once need somebody who looks at the time: Receive and Send do,
// and an owner that waits must wake at Deadline and call Advance, as for any component of an event loop. The
// clock must be the one whose readings are passed to Advance.
type Impaired struct {
	dev   Device
	im    Impairment
	clock func() time.Duration
	rand  *rand.PCG
	out   []byte
	count ImpairStats

	queue    []delayed     // frames under way, in the order in which they are sent
	sent     int           // so many at the front of the queue are sent already
	free     [][]byte      // memory for frames
	lineFree time.Duration // when the paced line has sent all before

	held      delayed // the frame that waits to be overtaken; no frame if nil
	holdUntil time.Duration
}

// delayed is a frame, when it may be sent (not before those in front of it) and how many times.
type delayed struct {
	frame   []byte
	release time.Duration
	copies  int
}

// ImpairStats counts what befell the frames given to an impaired device.
type ImpairStats struct {
	Frames     uint64 // given to Send
	Lost       uint64
	Duplicated uint64
	Reordered  uint64 // really overtaken by another frame
	Corrupted  uint64
	Overflow   uint64 // dropped because too many were under way
	SendErrors uint64 // refused by the device below, when their time had come
}

// Impair puts an impaired device around d. clock is the time of the loop that drives it.
func Impair(d Device, im Impairment, clock func() time.Duration) *Impaired {
	// The two ends of a link are often given the same impairment; their own addresses keep them from
	// sharing one fate.
	var stream [8]byte
	own := d.Addr()
	copy(stream[:], own[:])
	return &Impaired{
		dev: d, im: im, clock: clock,
		rand: rand.NewPCG(im.Seed, binary.BigEndian.Uint64(stream[:])),
		out:  make([]byte, HeaderLen+d.MTU()),
	}
}

func (i *Impaired) Buffer() []byte { return i.out }

// Send decides the fate of a frame and sends what is due. Errors of the device below are returned for what
// is sent within the call, which with a delay is not this frame; they are counted in any case.
func (i *Impaired) Send(n int) error {
	if n < HeaderLen || n > len(i.out) {
		return fmt.Errorf("link: sending %d bytes: %w", n, ErrFrameSize)
	}
	now := i.clock()
	i.count.Frames++
	f := i.draw(n)
	switch {
	case f.lost:
		i.count.Lost++
	case len(i.queue)-i.sent >= delayQueue:
		i.count.Overflow++
	default:
		i.dispatch(now, i.out[:n], f)
	}
	return i.advance(now)
}

// dispatch queues a frame, or holds it back.
func (i *Impaired) dispatch(now time.Duration, frame []byte, f fate) {
	d := delayed{frame: i.copyOf(frame), copies: 1}
	if f.duplicate {
		i.count.Duplicated++
		d.copies = 2
	}
	if f.corrupt {
		i.count.Corrupted++
		d.frame[f.bit/8] ^= 1 << (f.bit % 8)
	}
	d.release = i.pace(now, len(frame)*d.copies) + i.im.Delay + f.jitter
	if f.reorder && i.held.frame == nil {
		i.held, i.holdUntil = d, now+reorderHold
		return
	}
	i.enqueue(d)
	if i.held.frame != nil {
		i.count.Reordered++
		i.enqueue(i.held)
		i.held = delayed{}
	}
}

// fate is what the generator has decided about one frame.
type fate struct {
	lost, duplicate, reorder, corrupt bool
	bit                               int // to flip
	jitter                            time.Duration
}

// draw takes six numbers from the generator for every frame, whatever is switched on, so that changing
// one impairment leaves the fate of the frames as to the others.
func (i *Impaired) draw(n int) fate {
	var f fate
	f.lost = i.chance(i.im.Loss)
	f.duplicate = i.chance(i.im.Duplicate)
	f.reorder = i.chance(i.im.Reorder)
	f.corrupt = i.chance(i.im.Corrupt)
	f.bit = int(i.rand.Uint64() % uint64(8*n))
	f.jitter = time.Duration(i.rand.Uint64()%uint64(2*i.im.Jitter+1)) - i.im.Jitter
	return f
}

// chance is true in p of 100 cases.
func (i *Impaired) chance(p Percent) bool {
	const bits = 53 // of a float64's fraction
	return float64(i.rand.Uint64()>>(64-bits))/(1<<bits)*100 < float64(p)
}

// pace returns when the paced line has sent n more bytes.
func (i *Impaired) pace(now time.Duration, n int) time.Duration {
	if i.im.Rate == 0 {
		return now
	}
	i.lineFree = max(i.lineFree, now) + time.Duration(float64(n)*8/float64(i.im.Rate)*float64(time.Second))
	return i.lineFree
}

// enqueue puts a frame behind those under way.
func (i *Impaired) enqueue(d delayed) {
	if i.sent == len(i.queue) {
		i.queue, i.sent = i.queue[:0], 0
	} else if i.sent > delayQueue {
		i.queue, i.sent = append(i.queue[:0], i.queue[i.sent:]...), 0
	}
	i.queue = append(i.queue, d)
}

// advance sends what is due and returns the first error.
func (i *Impaired) advance(now time.Duration) error {
	if i.held.frame != nil && now >= i.holdUntil {
		i.enqueue(i.held) // nobody overtook it
		i.held = delayed{}
	}
	var first error
	for ; i.sent < len(i.queue) && i.queue[i.sent].release <= now; i.sent++ {
		d := i.queue[i.sent]
		for range d.copies {
			n := copy(i.dev.Buffer(), d.frame)
			if err := i.dev.Send(n); err != nil {
				i.count.SendErrors++
				if first == nil {
					first = err
				}
			}
		}
		i.free = append(i.free, d.frame)
	}
	return first
}

// copyOf copies a frame into memory of our own.
func (i *Impaired) copyOf(frame []byte) []byte {
	var b []byte
	if k := len(i.free); k > 0 {
		b, i.free = i.free[k-1], i.free[:k-1]
	} else {
		b = make([]byte, 0, len(i.out))
	}
	return append(b[:0], frame...)
}

// Deadline is when the next frame under way is due, Never if none is.
func (i *Impaired) Deadline() time.Duration {
	next := Never
	if i.sent < len(i.queue) {
		next = i.queue[i.sent].release
	}
	if i.held.frame != nil {
		next = min(next, i.holdUntil)
	}
	if t, ok := i.dev.(timed); ok {
		next = min(next, t.Deadline())
	}
	return next
}

// Advance sends the frames that are due at now.
func (i *Impaired) Advance(now time.Duration) {
	_ = i.advance(now) // counted
	if t, ok := i.dev.(timed); ok {
		t.Advance(now)
	}
}

// Flush does nothing: what is under way is late on purpose.
func (i *Impaired) Flush(time.Duration) {}

// Receive sends what is due, then receives from the device below.
func (i *Impaired) Receive() []byte {
	if i.sent < len(i.queue) || i.held.frame != nil {
		_ = i.advance(i.clock()) // counted
	}
	return i.dev.Receive()
}

func (i *Impaired) Release()   { i.dev.Release() }
func (i *Impaired) FD() int    { return i.dev.FD() }
func (i *Impaired) Addr() Addr { return i.dev.Addr() }
func (i *Impaired) MTU() int   { return i.dev.MTU() }

// Stats counts what the device below really sent: duplicates in, lost frames not.
func (i *Impaired) Stats() Stats { return i.dev.Stats() }

// ImpairStats counts what was done to the frames.
func (i *Impaired) ImpairStats() ImpairStats { return i.count }

// Err asks the device below.
func (i *Impaired) Err() error { return reportedError(i.dev) }

// Close closes the device below; frames under way are lost.
func (i *Impaired) Close() error { return i.dev.Close() }
