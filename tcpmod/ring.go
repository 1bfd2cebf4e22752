package tcpmod

import "math/bits"

// minRing is the first size of a ring's memory, in bytes: a connection of small
// messages stays small.
const minRing = 4 << 10

// maxPooled is how much memory that no ring uses an endpoint keeps, in bytes.
const maxPooled = 4 << 20

// pool lends memory to the rings of an endpoint, so that a ring has memory only
// while it holds something, and thousands of idle connections have none. The
// last piece given back is lent first: it is in the cache.
type pool struct {
	free [32][][]byte // by the logarithm of the size
	size int          // bytes
}

// get lends 1<<class bytes.
func (p *pool) get(class int) []byte {
	f := p.free[class]
	if len(f) == 0 {
		return make([]byte, 1<<class)
	}
	b := f[len(f)-1]
	p.free[class] = f[:len(f)-1]
	p.size -= len(b)
	return b
}

// put takes b back.
func (p *pool) put(b []byte) {
	if p.size+len(b) <= maxPooled {
		class := bits.Len(uint(len(b))) - 1
		p.free[class] = append(p.free[class], b)
		p.size += len(b)
	}
}

// ring is a byte queue with memory that grows on demand to a power of two.
// Its bytes are addressed by their distance from the head, also beyond the
// end of the queue: reassembly puts data there before what precedes it came.
type ring struct {
	pool *pool
	mem  []byte // length zero or a power of two
	head int    // index of the first byte
}

// reserve makes room for n bytes from the head on; used is how many there
// have to be kept.
func (r *ring) reserve(n, used int) {
	if n <= len(r.mem) {
		return
	}
	mem := r.pool.get(bits.Len(uint(max(n, minRing) - 1)))
	r.read(mem[:used], 0)
	r.free()
	r.mem = mem
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
func (r *ring) free() {
	if len(r.mem) > 0 {
		r.pool.put(r.mem)
		r.mem, r.head = nil, 0
	}
}
