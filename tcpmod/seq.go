package tcpmod

// seqNum is a sequence number; all comparisons are modulo 2^32 (RFC 9293,
// section 3.4) and hold for numbers less than 2^31 apart.
type seqNum uint32

func (a seqNum) add(n int) seqNum { return a + seqNum(n) }

// sub returns the distance from b to a, negative if a is before b.
func (a seqNum) sub(b seqNum) int { return int(int32(a - b)) }

func (a seqNum) lt(b seqNum) bool  { return int32(a-b) < 0 }
func (a seqNum) leq(b seqNum) bool { return int32(a-b) <= 0 }

func maxSeq(a, b seqNum) seqNum {
	if a.lt(b) {
		return b
	}
	return a
}

func minSeq(a, b seqNum) seqNum {
	if a.lt(b) {
		return a
	}
	return b
}
