package tcpmod

import (
	"encoding/binary"
	"slices"
	"time"
)

// maxBlocks is how many blocks a SACK option has room for (RFC 2018, section
// 3); timestamps and an integrity option leave room for fewer.
const maxBlocks = 4

// Sizes of a SACK option that two no-operations align, in bytes.
const (
	sackHead  = 4 // NOP, NOP, kind, length
	sackBlock = 8
)

// sackReports is the receiving side of SACK: which pieces to report, and the
// last duplicate.
type sackReports struct {
	ok     bool              // both ends permit SACK
	recent [maxBlocks]seqNum // one number of each piece that changed last, the latest first
	n      int
	dup    seqRange // to be reported once (RFC 2883); empty: nothing
}

// changed notes that the piece r, which holds seq, is new or larger.
func (k *sackReports) changed(seq seqNum, r seqRange) {
	kept := [maxBlocks]seqNum{seq}
	n := 1
	for _, other := range k.recent[:k.n] {
		if !r.contains(other) && n < maxBlocks {
			kept[n] = other
			n++
		}
	}
	k.recent, k.n = kept, n
}

// duplicate notes that data came again.
func (k *sackReports) duplicate(start, end seqNum) { k.dup = seqRange{start, end} }

// reporting says whether an ACK has more to tell than its number.
func (c *TCB) reporting() bool {
	return c.sack.ok && (len(c.in.ranges) > 0 || !c.sack.dup.empty())
}

// putSACK writes the option into b, as long as that is, and returns its length:
// 0 if there is room for no block. The first block is the duplicate (RFC 2883,
// section 4) or the piece that changed last, then those that changed before it
// (RFC 2018, section 4), then any other.
func (c *TCB) putSACK(b []byte) int {
	k := &c.sack
	n := sackHead
	put := func(r seqRange) bool {
		if n+sackBlock > min(len(b), maxHeaderLen-HeaderLen) {
			return false
		}
		binary.BigEndian.PutUint32(b[n:], uint32(r.start))
		binary.BigEndian.PutUint32(b[n+4:], uint32(r.end))
		n += sackBlock
		return true
	}
	if !k.dup.empty() && put(k.dup) {
		k.dup = seqRange{}
	}
	for _, seq := range k.recent[:k.n] {
		if r, ok := c.in.find(seq); ok && !put(r) {
			break
		}
	}
	for _, r := range c.in.ranges {
		if !slices.ContainsFunc(k.recent[:k.n], r.contains) && !put(r) {
			break
		}
	}
	if n == sackHead {
		return 0
	}
	b[0], b[1], b[2], b[3] = optNop, optNop, optSACK, byte(n-2)
	return n
}

// receiveSACK marks what the blocks of a received option cover.
func (c *TCB) receiveSACK(now time.Duration, ack seqNum, d *delivery) {
	blocks := d.sack
	first := block(blocks)
	if first.start.lt(first.end) && (first.end.leq(ack) || len(blocks) >= 2*sackBlock && block(blocks[sackBlock:]).covers(first)) {
		if c.oldest().leq(first.start) {
			d.twice = first // RFC 2883, section 4
		}
		blocks = blocks[sackBlock:]
	}
	for ; len(blocks) >= sackBlock; blocks = blocks[sackBlock:] {
		if r := block(blocks); r.start.lt(r.end) && c.snd.una.leq(r.start) && r.end.leq(c.snd.nxt) {
			c.sacked(now, r, d)
		}
	}
}

// sacked marks the segments that r covers whole.
func (c *TCB) sacked(now time.Duration, r seqRange, d *delivery) {
	b := &c.board
	for i := b.search(r.start); i < b.n; i++ {
		p, start := b.at(i), b.start(i, c.snd.una)
		if r.end.lt(p.end) {
			return
		}
		if p.state&sacked != 0 || start.lt(r.start) {
			continue
		}
		n := p.end.sub(start)
		c.delivered(now, p, n, d)
		b.markSacked(p, n)
	}
}

// block reads the first block of an option's body.
func block(b []byte) seqRange {
	return seqRange{seqNum(binary.BigEndian.Uint32(b)), seqNum(binary.BigEndian.Uint32(b[4:]))}
}
