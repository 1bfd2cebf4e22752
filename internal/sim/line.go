package sim

import (
	"math/rand/v2"
	"time"
)

// conditions are what a line does to the frames on it. The zero value is a perfect one.
//
// Package link has an Impairment too, for real devices. This one has what only a simulation can have: a switch port
// that several senders share, bursts of loss on a clock, frames that straggle for hundreds of milliseconds, and
// corruption that a checksum is certain to find.
type conditions struct {
	rate   int64         // bits a second, from the Ethernet header on; 0: unlimited
	buffer int           // bytes that wait for the line at most; more are dropped. With rate only
	delay  time.Duration // on the way
	jitter time.Duration // more, from 0 on; keeps the order

	loss      float64       // probability, as all that follow
	burstLoss float64       // in bad times (Gilbert-Elliott): good and bad times alternate, exponentially distributed
	goodTime  time.Duration // mean
	badTime   time.Duration // mean; 0: no bad times

	duplicate   float64
	reorder     float64       // a frame is late by up to reorderSpan, and others overtake it
	reorderSpan time.Duration // more than 0 if reorder is
	straggle    float64       // a copy of the frame comes again, up to stragglerSpan late
	corrupt     float64       // see corrupt.go
	refuse      float64       // of what the port itself sends: its device has no room, and says so
}

// stragglerSpan is how late the copy of a frame may come: DefaultTimeWait of tcpmod and rdp's CLOSE-WAIT are made for a
// maximum segment lifetime of half a second.
const stragglerSpan = 450 * time.Millisecond

// line is the way from the switch to a port.
type line struct {
	conditions
	rand *rand.Rand
	cut  bool // nothing passes

	free time.Duration // when the last frame has been sent
	last time.Duration // when the last frame that kept the order arrives

	bad   bool
	until time.Duration // end of the good or bad time
}

// newLine returns a line whose first time is a good one.
func newLine(c conditions, r *rand.Rand) line { return line{conditions: c, rand: r, bad: true} }

// Faults counts what befell frames on all lines.
type Faults struct {
	Sent, Delivered, Refused, Cut, Lost, BurstLost, Overflow uint64
	Duplicated, Reordered, Straggled, Corrupted              uint64
	Absent                                                   uint64 // at a node that is down, or frozen with a full ring
}

// carry decides what becomes of a frame sent at now, and passes each copy that arrives, and when, to arrive.
func (l *line) carry(now time.Duration, f *frame, count *Faults, arrive func(at time.Duration, f *frame)) {
	sent, lost := l.enter(now, len(f.bytes), count)
	if lost {
		f.release()
		return
	}
	if l.chance(l.corrupt) && corrupt(l.rand, f.bytes) {
		count.Corrupted++
	}
	at := sent + l.delay
	if l.jitter > 0 {
		at += time.Duration(l.rand.Int64N(int64(l.jitter)))
	}
	if l.chance(l.reorder) {
		count.Reordered++
		at += time.Duration(l.rand.Int64N(int64(l.reorderSpan)))
	} else {
		at = max(at, l.last)
		l.last = at
	}
	if l.chance(l.straggle) {
		count.Straggled++
		arrive(at+time.Duration(l.rand.Int64N(int64(stragglerSpan))), f.copy())
	}
	if l.chance(l.duplicate) {
		count.Duplicated++
		arrive(at, f.copy())
	}
	arrive(at, f)
}

// enter puts a frame of n bytes on the line and returns when it has been sent, or that it is lost.
func (l *line) enter(now time.Duration, n int, count *Faults) (sent time.Duration, lost bool) {
	switch {
	case l.cut:
		count.Cut++
		return 0, true
	case l.rate > 0 && l.backlog(now) > l.buffer:
		count.Overflow++
		return 0, true
	}
	sent = l.transmit(now, n)
	switch {
	case l.badNow(now) && l.chance(l.burstLoss):
		count.BurstLost++
		return 0, true
	case l.chance(l.loss):
		count.Lost++
		return 0, true
	}
	return sent, false
}

// chance is true with probability p. It draws only where there is a choice.
func (l *line) chance(p float64) bool { return p > 0 && l.rand.Float64() < p }

// backlog returns how many bytes wait for the line.
func (l *line) backlog(now time.Duration) int {
	return int(float64(max(0, l.free-now)) * float64(l.rate) / 8 / float64(time.Second))
}

// transmit returns when the line has sent n more bytes.
func (l *line) transmit(now time.Duration, n int) time.Duration {
	if l.rate == 0 {
		return now
	}
	l.free = max(l.free, now) + time.Duration(int64(n)*8*int64(time.Second)/l.rate)
	return l.free
}

// badNow moves the line's weather on to now and returns whether it is bad.
func (l *line) badNow(now time.Duration) bool {
	if l.badTime == 0 {
		return false
	}
	for l.until <= now {
		l.bad = !l.bad
		mean := l.goodTime
		if l.bad {
			mean = l.badTime
		}
		l.until += time.Duration(l.rand.ExpFloat64()*float64(mean)) + 1
	}
	return l.bad
}

// frame is one on its way.
type frame struct {
	bytes []byte
	pool  *framePool
}

func (f *frame) copy() *frame { return f.pool.take(f.bytes) }

// framePool keeps the frames that have arrived for reuse.
type framePool struct{ free []*frame }

func (p *framePool) take(b []byte) *frame {
	if n := len(p.free); n > 0 {
		f := p.free[n-1]
		p.free = p.free[:n-1]
		f.bytes = append(f.bytes[:0], b...)
		return f
	}
	return &frame{append([]byte(nil), b...), p}
}

func (f *frame) release() { f.pool.free = append(f.pool.free, f) }
