package tcpmod

import "math/bits"

// minRing is the first size of a ring's memory, in bytes: an idle connection
// and one of small messages stay small.
const minRing = 4 << 10

// ring is a byte queue with memory that grows on demand to a power of two.
// Its bytes are addressed by their distance from the head, also beyond the
// end of the queue: reassembly puts data there before what precedes it came.
type ring struct {
	mem  []byte // length zero or a power of two
	head int    // index of the first byte
}

// reserve makes room for n bytes from the head on; used is how many there
// have to be kept.
func (r *ring) reserve(n, used int) {
	if n <= len(r.mem) {
		return
	}
	size := max(minRing, 1<<bits.Len(uint(n-1)))
	mem := make([]byte, size)
	r.read(mem[:used], 0)
	r.mem, r.head = mem, 0
}

// write puts p at the distance off from the head.
func (r *ring) write(off int, p []byte) {
	if len(p) == 0 {
		return
	}
	i := (r.head + off) & (len(r.mem) - 1)
	n := copy(r.mem[i:], p)
	copy(r.mem, p[n:])
}

// read fills p with the bytes at the distance off from the head.
func (r *ring) read(p []byte, off int) {
	if len(p) == 0 {
		return
	}
	i := (r.head + off) & (len(r.mem) - 1)
	n := copy(p, r.mem[i:])
	copy(p[n:], r.mem)
}

// view returns the longest contiguous piece of the first n bytes.
func (r *ring) view(n int) []byte {
	return r.mem[r.head:min(r.head+n, len(r.mem))]
}

// advance drops n bytes at the head.
func (r *ring) advance(n int) {
	if len(r.mem) > 0 {
		r.head = (r.head + n) & (len(r.mem) - 1)
	}
}

// free gives the memory back.
func (r *ring) free() { *r = ring{} }
