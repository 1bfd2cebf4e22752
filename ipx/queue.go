package ipx

// datagram is a datagram that waits: whole for a neighbour's hardware address,
// or its payload to be delivered to ourselves.
type datagram struct {
	proto     uint8 // of a payload alone
	forwarded bool  // another host's
	bytes     []byte
	from      *pool
}

// giveBack ends the use of what the datagram holds.
func (d datagram) giveBack() { d.from.giveBack(d.bytes) }

// pool hands out buffers of one size, at most limit at a time, and keeps those
// given back. Nothing is allocated before the first use.
type pool struct {
	size  int
	limit int
	lent  int
	free  [][]byte
}

// get returns a buffer with anything in it, or nil if limit buffers are lent
// out.
func (p *pool) get() []byte {
	if p.lent == p.limit {
		return nil
	}
	p.lent++
	last := len(p.free) - 1
	if last < 0 {
		return make([]byte, p.size)
	}
	buffer := p.free[last]
	p.free = p.free[:last]
	return buffer
}

// giveBack takes back a buffer that get returned, or the beginning of one.
func (p *pool) giveBack(b []byte) {
	p.lent--
	p.free = append(p.free, b[:p.size])
}

// poolFor returns the pool whose buffers hold n bytes.
func (s *Stack) poolFor(n int) *pool {
	if n <= s.small.size {
		return &s.small
	}
	return &s.large
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
