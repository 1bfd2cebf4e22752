package rdp

// Sequence numbers count segments modulo 2^32. RFC 908 compares them as if they didn't wrap; these compare
// them on the circle, as RFC 9293 (section 3.4) does, which is right while the two lie within 2^31.

// before reports a < b.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// within reports first <= seq < first+n.
func within(seq, first, n uint32) bool { return seq-first < n }
