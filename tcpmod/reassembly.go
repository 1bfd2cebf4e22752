package tcpmod

import "slices"

// maxRanges is how many pieces out of order, with gaps between them, are kept:
// as many as a window of 1 MiB has at a loss of a third. A segment that would
// make one more is dropped and comes again.
const maxRanges = 256

// seqRange is the half-open interval [start, end).
type seqRange struct{ start, end seqNum }

func (r seqRange) empty() bool { return r.start == r.end }

// contains reports whether r holds seq.
func (r seqRange) contains(seq seqNum) bool { return r.start.leq(seq) && seq.lt(r.end) }

// covers reports whether r holds all of q.
func (r seqRange) covers(q seqRange) bool { return r.start.leq(q.start) && q.end.leq(r.end) }

// reassembly holds received data from the first byte that the user has not
// taken: first what is in sequence, then pieces behind gaps.
type reassembly struct {
	ring
	head   seqNum     // of the ring's first byte
	ranges []seqRange // in order, disjoint, not adjacent
}

// end returns the end of the last piece, or next without any.
func (r *reassembly) end(next seqNum) seqNum {
	if len(r.ranges) == 0 {
		return next
	}
	return r.ranges[len(r.ranges)-1].end
}

// find returns the piece behind a gap that holds seq.
func (r *reassembly) find(seq seqNum) (seqRange, bool) {
	if i := r.search(seq); i < len(r.ranges) && r.ranges[i].contains(seq) {
		return r.ranges[i], true
	}
	return seqRange{}, false
}

// search returns the first piece that ends after seq, or the number of pieces.
func (r *reassembly) search(seq seqNum) int {
	i := len(r.ranges)
	for i > 0 && seq.lt(r.ranges[i-1].end) { // most come near the end
		i--
	}
	return i
}

// store copies data with sequence number seq; next is RCV.NXT before it.
func (r *reassembly) store(seq seqNum, data []byte, next seqNum) {
	kept := maxSeq(next, r.end(next)) // the user may have taken beyond the last piece
	r.reserve(maxSeq(seq.add(len(data)), kept).sub(r.head), kept.sub(r.head))
	r.write(seq.sub(r.head), data)
}

// insert keeps data that is out of order. It reports whether it did: not if
// there are too many gaps.
func (r *reassembly) insert(seq seqNum, data []byte, next seqNum) bool {
	n := seqRange{seq, seq.add(len(data))}
	// i..j are the ranges that n touches.
	i := r.search(n.start - 1)
	j := i
	for j < len(r.ranges) && r.ranges[j].start.leq(n.end) {
		j++
	}
	if i == j && len(r.ranges) == maxRanges {
		return false
	}
	r.store(seq, data, next)
	if i < j {
		n.start = minSeq(n.start, r.ranges[i].start)
		n.end = maxSeq(n.end, r.ranges[j-1].end)
	}
	r.ranges = slices.Replace(r.ranges, i, j, n)
	return true
}

// join drops the pieces that next has reached and returns the end of the last
// of them, or next: the new RCV.NXT.
func (r *reassembly) join(next seqNum) seqNum {
	i := 0
	for i < len(r.ranges) && r.ranges[i].start.leq(next) {
		next = maxSeq(next, r.ranges[i].end)
		i++
	}
	r.ranges = slices.Delete(r.ranges, 0, i)
	return next
}

// take drops n bytes at the head, which the user took.
func (r *reassembly) take(n int) {
	r.advance(n)
	r.head = r.head.add(n)
}

// free gives the memory back.
func (r *reassembly) free() {
	r.ring.free()
	r.ranges = r.ranges[:0]
}
