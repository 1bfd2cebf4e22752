package rdp

// pool lends buffers for the data of one segment each: of the MTU, or doubled as often as a larger segment needs.
type pool struct {
	size  int                    // bytes of the smallest
	free  [][]byte               // of that size
	large [maxDoublings][][]byte // by doublings, from 1
	kept  int                    // bytes in large
	lent  int                    // buffers that were not given back yet
}

const (
	// poolKeep is how many free buffers of the MTU are kept for reuse, about 6 MB of 1,500 bytes; and poolKeepLarge
	// how many bytes of larger ones.
	poolKeep      = 4096
	poolKeepLarge = 8 << 20
	// maxDoublings of MinSegmentSize hold the longest segment.
	maxDoublings = 10
)

// get lends a buffer of the smallest size.
func (p *pool) get() []byte {
	p.lent++
	if last := len(p.free) - 1; last >= 0 {
		b := p.free[last]
		p.free = p.free[:last]
		return b
	}
	return make([]byte, p.size)
}

// copy returns a lent buffer cut to the data it now holds.
func (p *pool) copy(data []byte) []byte {
	if len(data) > p.size {
		return append(p.getLarge(len(data))[:0], data...)
	}
	b := p.get()
	return b[:copy(b, data)]
}

// put takes a buffer back; nil is none.
func (p *pool) put(b []byte) {
	if b == nil {
		return
	}
	p.lent--
	if cap(b) != p.size {
		p.putLarge(b[:cap(b)])
	} else if len(p.free) < poolKeep {
		p.free = append(p.free, b[:p.size])
	}
}

// doublings returns how often the smallest buffer must be doubled to hold n bytes, less one.
func (p *pool) doublings(n int) int {
	d := 0
	for n > p.size<<(d+1) {
		d++
	}
	return d
}

// getLarge lends a buffer for n bytes, more than the smallest hold.
func (p *pool) getLarge(n int) []byte {
	p.lent++
	d := p.doublings(n)
	free := p.large[d]
	if last := len(free) - 1; last >= 0 {
		b := free[last]
		p.large[d] = free[:last]
		p.kept -= len(b)
		return b
	}
	return make([]byte, p.size<<(d+1))
}

func (p *pool) putLarge(b []byte) {
	if p.kept+len(b) <= poolKeepLarge {
		p.kept += len(b)
		d := p.doublings(len(b))
		p.large[d] = append(p.large[d], b)
	}
}
