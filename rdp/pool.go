package rdp

// pool lends buffers for the data of one segment each: of the MTU, or doubled as often as a larger segment needs.
type pool struct {
	size int                        // bytes of the smallest
	free [maxDoublings + 1][][]byte // by doublings
	kept int                        // bytes in free
	lent int                        // buffers that were not given back yet
}

const (
	// poolKeep is how many bytes of free buffers are kept for reuse.
	poolKeep = 8 << 20
	// maxDoublings of MinSegmentSize hold the longest segment.
	maxDoublings = 10
)

// doublings returns how often the smallest buffer must be doubled to hold n bytes.
func (p *pool) doublings(n int) int {
	d := 0
	for n > p.size<<d {
		d++
	}
	return d
}

// get lends a buffer of at least n bytes.
func (p *pool) get(n int) []byte {
	p.lent++
	d := p.doublings(n)
	free := &p.free[d]
	if last := len(*free) - 1; last >= 0 {
		b := (*free)[last]
		*free = (*free)[:last]
		p.kept -= len(b)
		return b
	}
	return make([]byte, p.size<<d)
}

// copy returns a lent buffer cut to the data it now holds.
func (p *pool) copy(data []byte) []byte {
	b := p.get(len(data))
	return b[:copy(b, data)]
}

// put takes a buffer back; nil is none.
func (p *pool) put(b []byte) {
	if b == nil {
		return
	}
	p.lent--
	b = b[:cap(b)]
	if p.kept+len(b) <= poolKeep {
		p.kept += len(b)
		free := &p.free[p.doublings(len(b))]
		*free = append(*free, b)
	}
}
