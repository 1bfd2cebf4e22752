package ipx

// datagram is a datagram that waits: for a neighbour's hardware address, or to
// be delivered to ourselves.
type datagram struct {
	proto   uint8
	payload []byte // from the pool
}

// pool hands out buffers of one size, at most limit at a time, and keeps those
// given back. Nothing is allocated before the first use.
type pool struct {
	size  int
	limit int
	lent  int
	free  [][]byte
}

// copyOf returns a buffer that holds a copy of b, or nil if limit buffers are
// lent out. An empty b gives an empty buffer, not nil.
func (p *pool) copyOf(b []byte) []byte {
	if p.lent == p.limit {
		return nil
	}
	var buffer []byte
	if last := len(p.free) - 1; last >= 0 {
		buffer = p.free[last]
		p.free = p.free[:last]
	} else {
		buffer = make([]byte, p.size)
	}
	p.lent++
	return buffer[:copy(buffer, b)]
}

// giveBack takes back a buffer that copyOf returned.
func (p *pool) giveBack(b []byte) {
	p.lent--
	p.free = append(p.free, b[:p.size])
}

// queue is a first-in, first-out ring of datagrams. It grows up to the bound
// that its user tests and keeps its room.
type queue struct {
	ring  []datagram
	first int
	count int
}

func (q *queue) len() int { return q.count }

func (q *queue) push(d datagram) {
	if q.count == len(q.ring) {
		grown := make([]datagram, max(4, 2*len(q.ring)))
		for i := range q.count {
			grown[i] = q.ring[(q.first+i)%len(q.ring)]
		}
		q.ring, q.first = grown, 0
	}
	q.ring[(q.first+q.count)%len(q.ring)] = d
	q.count++
}

// pop removes the oldest datagram; the queue must not be empty.
func (q *queue) pop() datagram {
	d := q.ring[q.first]
	q.ring[q.first] = datagram{}
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	return d
}
