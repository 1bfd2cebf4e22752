package tcpmod

import "time"

// maxSent is how many segments may be under way: the bound of the scoreboard's
// memory, 16 bytes each.
const maxSent = 8192

// minSent is the scoreboard's first size.
const minSent = 8

// sentState is what is known of a segment that was sent.
type sentState uint8

const (
	sacked      sentState = 1 << iota // the peer holds it
	lost                              // taken for lost and not sent again since
	sentAgain                         // retransmitted at least once
	notInFlight = sacked | lost
)

// sentSegment is a segment that was sent and that SND.UNA has not passed. It
// begins where the one before it ends, the first one at SND.UNA.
type sentSegment struct {
	at    time.Duration // when it was sent last; no two were at the same time
	end   seqNum        // after its data and FIN
	state sentState
}

// scoreboard knows of every segment under way when it was sent and what became
// of it (RFC 6675, section 3; RFC 8985, section 5.2).
type scoreboard struct {
	ring   []sentSegment // length zero or a power of two
	head   int
	n      int
	pipe   int           // bytes of sequence space that are in flight: neither sacked nor lost
	sacked int           // segments
	lost   int           // segments
	last   time.Duration // of the transmissions
}

// at returns segment i, counted from SND.UNA.
func (b *scoreboard) at(i int) *sentSegment { return &b.ring[(b.head+i)&(len(b.ring)-1)] }

// start returns where segment i begins.
func (b *scoreboard) start(i int, una seqNum) seqNum {
	if i == 0 {
		return una
	}
	return b.at(i - 1).end
}

// full reports whether no new segment may be sent.
func (b *scoreboard) full() bool { return b.n >= maxSent }

// stamp returns the time of a transmission. Many happen at one reading of the
// clock, and RACK needs their order: they are taken to be 1 ns apart.
func (b *scoreboard) stamp(now time.Duration) time.Duration {
	b.last = max(now, b.last+1)
	return b.last
}

// push notes a new segment of n bytes.
func (b *scoreboard) push(now time.Duration, end seqNum, n int) {
	if b.n == len(b.ring) {
		b.grow()
	}
	b.n++
	*b.at(b.n - 1) = sentSegment{at: b.stamp(now), end: end}
	b.pipe += n
}

// grow makes room for more segments.
func (b *scoreboard) grow() {
	ring := make([]sentSegment, max(minSent, 2*len(b.ring)))
	for i := range b.n {
		ring[i] = *b.at(i)
	}
	b.ring, b.head = ring, 0
}

// pop drops the first segment, whose n bytes are acknowledged.
func (b *scoreboard) pop(n int) {
	b.leave(b.at(0), n)
	b.head = (b.head + 1) & (len(b.ring) - 1)
	b.n--
}

// leave takes a segment of n bytes out of the sums.
func (b *scoreboard) leave(p *sentSegment, n int) {
	switch {
	case p.state&sacked != 0:
		b.sacked--
	case p.state&lost != 0:
		b.lost--
	default:
		b.pipe -= n
	}
}

// markSacked notes that the peer holds a segment of n bytes.
func (b *scoreboard) markSacked(p *sentSegment, n int) {
	b.leave(p, n)
	p.state = p.state&^lost | sacked
	b.sacked++
}

// markLost notes that a segment of n bytes, in flight until now, is lost.
func (b *scoreboard) markLost(p *sentSegment, n int) {
	b.pipe -= n
	p.state |= lost
	b.lost++
}

// markSent notes that a segment of n bytes was sent again.
func (b *scoreboard) markSent(p *sentSegment, now time.Duration, n int) {
	if p.state&lost != 0 {
		b.lost--
		b.pipe += n
	}
	p.state = p.state&^lost | sentAgain
	p.at = b.stamp(now)
}

// revive puts what is lost and not sent again back in flight: it was not lost.
func (b *scoreboard) revive(una seqNum) { b.putBack(lost, &b.lost, una) }

// renege forgets that the peer holds anything: it has dropped what it held
// (RFC 2018, section 8).
func (b *scoreboard) renege(una seqNum) { b.putBack(sacked, &b.sacked, una) }

// putBack puts all segments of a state, which are counted, back in flight.
func (b *scoreboard) putBack(state sentState, count *int, una seqNum) {
	for i := 0; i < b.n && *count > 0; i++ {
		p := b.at(i)
		if p.state&state != 0 {
			p.state &^= state
			*count--
			b.pipe += p.end.sub(b.start(i, una))
		}
	}
}

// firstLost returns the first segment that is lost; there is one.
func (b *scoreboard) firstLost() int {
	i := 0
	for b.at(i).state&lost == 0 {
		i++
	}
	return i
}

// tail returns the last segment that the peer does not hold; the last of all
// if it claims to hold every one.
func (b *scoreboard) tail() int {
	for i := b.n - 1; i >= 0; i-- {
		if b.at(i).state&sacked == 0 {
			return i
		}
	}
	return b.n - 1
}

// search returns the first segment that ends after seq, b.n if none does.
func (b *scoreboard) search(seq seqNum) int {
	low, high := 0, b.n
	for low < high {
		if mid := (low + high) / 2; seq.lt(b.at(mid).end) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// split cuts segment i in two, the first of which ends at end.
func (b *scoreboard) split(i int, end seqNum) {
	if b.n == len(b.ring) {
		b.grow()
	}
	b.n++
	for j := b.n - 1; j > i; j-- {
		*b.at(j) = *b.at(j - 1)
	}
	p := b.at(i)
	p.end = end
	switch {
	case p.state&sacked != 0:
		b.sacked++
	case p.state&lost != 0:
		b.lost++
	}
}

// join makes one of segment i and the next k, which are all lost.
func (b *scoreboard) join(i, k int) {
	b.at(i).end = b.at(i + k).end
	for j := i + 1; j < b.n-k; j++ {
		*b.at(j) = *b.at(j + k)
	}
	b.n -= k
	b.lost -= k
}

// free gives the memory back.
func (b *scoreboard) free() { *b = scoreboard{} }
