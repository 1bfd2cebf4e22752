package rdp

// ring keeps a T per sequence number of a moving range. Its length is a power of two, which grows with the range
// and never shrinks, so that a steady state allocates nothing.
type ring[T any] struct{ slots []T }

// at returns the slot of seq, which must be in the range last reserved.
func (r *ring[T]) at(seq uint32) *T { return &r.slots[seq&uint32(len(r.slots)-1)] }

// reserve makes room for the n numbers from first; those of the used ones from first keep their contents.
func (r *ring[T]) reserve(first, used, n uint32) {
	if n <= uint32(len(r.slots)) {
		return
	}
	size := uint32(max(4, len(r.slots)))
	for size < n {
		size *= 2
	}
	bigger := make([]T, size)
	for seq := first; seq != first+used; seq++ {
		bigger[seq&(size-1)] = *r.at(seq)
	}
	r.slots = bigger
}

// pool lends buffers of one size, for the data of one segment each.
type pool struct {
	size int
	free [][]byte
	lent int // buffers that were not given back yet
}

// poolKeep is how many free buffers are kept for reuse, about 6 MB at an MTU of 1,500.
const poolKeep = 4096

func (p *pool) get() []byte {
	p.lent++
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return make([]byte, p.size)
}

// copy returns a lent buffer cut to the data it now holds.
func (p *pool) copy(data []byte) []byte {
	b := p.get()
	return b[:copy(b, data)]
}

// put takes a buffer back; nil is none.
func (p *pool) put(b []byte) {
	if b == nil {
		return
	}
	p.lent--
	if cap(b) == p.size && len(p.free) < poolKeep {
		p.free = append(p.free, b[:p.size])
	}
}
