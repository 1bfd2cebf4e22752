package ipx

import (
	"slices"
	"time"
)

// Bounds of reassembly. All buffers together take 4 MiB.
const (
	// maxReassemblies bounds the datagrams of which a part has come. The oldest
	// gives way to a new one, so that those who send whole datagrams get
	// through a flood of fragments as long as fewer than that many of it come
	// between their own.
	maxReassemblies = 64
	// maxPerSource bounds those of one source. Its own oldest gives way, so that
	// one source alone can't take the room of the others.
	maxPerSource = 16
	// minFragment is the least payload in bytes of a fragment that isn't the
	// last: what a network of the least MTU carries, 68 bytes.
	minFragment = minMTU - HeaderLen
	// reassemblyTime is how long the rest of a datagram may take. RFC 1122,
	// section 3.3.2, has a minute or two, for networks whose fragments take
	// seconds; here they follow each other within a millisecond, and the
	// 65,536 identifications of a sender may come round in a second (RFC 4963).
	reassemblyTime = time.Second
	// maxDistance is how many datagrams may begin to be reassembled before one is
	// whole: a quarter of the identifications.
	maxDistance = 1 << 14
)

// reassemblyKey is what the fragments of one datagram have in common (RFC 791,
// section 3.2).
type reassemblyKey struct {
	src, dst       uint32
	identification uint16
	proto          uint8
}

// reassembly is a datagram of which a part has come. One that is spoilt by an
// overlap stays without its buffer, so that its further fragments don't begin
// another one (RFC 5722, section 4).
type reassembly struct {
	reassemblyKey
	holes    holes
	buffer   []byte // nil: spoilt
	begun    uint64 // number of the reassembly
	deadline time.Duration
	header   [maxHeaderLen]byte // of the first fragment, for the ICMP message
	first    int                // length of header; 0: the first fragment is missing
}

// reassemblies is the table.
type reassemblies struct {
	active  []*reassembly // oldest first
	free    []*reassembly
	buffers pool
	begun   uint64
}

// findReassembly returns the reassembly of key, or nil. One that is so old
// that its identification may be another datagram's is dropped.
func (s *Stack) findReassembly(key reassemblyKey) *reassembly {
	t := &s.reassemblies
	for i, r := range slices.Backward(t.active) {
		if r.reassemblyKey != key {
			continue
		}
		if t.begun-r.begun > maxDistance {
			s.stats.Reassembly.Distance++
			s.endReassembly(i)
			return nil
		}
		return r
	}
	return nil
}

// beginReassembly adds a reassembly, if need be in the place of the oldest of
// its source, or of all.
func (s *Stack) beginReassembly(now time.Duration, key reassemblyKey) *reassembly {
	t := &s.reassemblies
	oldest, count := -1, 0
	for i, r := range t.active {
		if r.src == key.src {
			if count++; count == 1 {
				oldest = i
			}
		}
	}
	switch {
	case count == maxPerSource:
		s.stats.Reassembly.Displaced++
		s.endReassembly(oldest)
	case len(t.active) == maxReassemblies:
		s.stats.Reassembly.Displaced++
		s.endReassembly(0)
	}
	var r *reassembly
	if last := len(t.free) - 1; last >= 0 {
		r, t.free = t.free[last], t.free[:last]
	} else {
		r = new(reassembly)
	}
	t.begun++
	r.reassemblyKey = key
	r.begun = t.begun
	r.buffer = t.buffers.get()
	r.deadline = now + reassemblyTime
	r.first = 0
	r.holes.reset()
	t.active = append(t.active, r)
	s.schedule(r.deadline)
	return r
}

// spoil gives up a datagram without forgetting it.
func (s *Stack) spoil(r *reassembly) {
	s.reassemblies.buffers.giveBack(r.buffer)
	r.buffer = nil
}

// endReassembly removes the reassembly at index i.
func (s *Stack) endReassembly(i int) {
	t := &s.reassemblies
	r := t.active[i]
	t.active = slices.Delete(t.active, i, i+1)
	if r.buffer != nil {
		s.spoil(r)
	}
	t.free = append(t.free, r)
}
