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
