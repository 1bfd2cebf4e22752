package ipx

import (
	"bytes"
	"encoding/binary"
	"net/netip"
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

// inputFragment takes a fragment of a datagram for us:
//
//  1. Its place in the datagram is possible: in multiples of 8 bytes, and
//     inside of what a datagram can be.
//  2. The datagram that it belongs to is found by source, destination,
//     protocol and identification, or begins.
//  3. Its payload is copied into the hole that it fits in (RFC 815). The same
//     bytes once more are no harm; an overlap spoils the datagram.
//  4. When no hole is left, the Handler gets the payload.
func (s *Stack) inputFragment(now time.Duration, dst netip.Addr, h Header) {
	if s.handlers[h.Protocol()] == nil {
		s.stats.Input.UnknownProtocol++
		return
	}
	payload, first, more := h.Payload(), h.FragmentOffset(), h.MoreFragments()
	end := first + len(payload)
	if len(payload) == 0 || more && len(payload)%8 != 0 || h.HeaderLen()+end > maxMTU {
		s.stats.Input.FragmentPlace++
		return
	}
	if more && len(payload) < minFragment {
		s.stats.Input.FragmentTiny++
		return
	}
	s.stats.FragmentsReceived++

	key := reassemblyKey{
		src:            binary.BigEndian.Uint32(h[offSource:]),
		dst:            binary.BigEndian.Uint32(h[offDestination:]),
		identification: h.Identification(),
		proto:          h.Protocol(),
	}
	r := s.findReassembly(key)
	if r == nil {
		r = s.beginReassembly(now, key)
	}
	if r.buffer == nil {
		return
	}
	switch r.holes.fill(first, end, more) {
	case fits:
		copy(r.buffer[first:], payload)
		if first == 0 {
			r.first = copy(r.header[:], h[:h.HeaderLen()])
		}
		if r.holes.isWhole() {
			s.deliverReassembled(now, dst, r)
		}
	case known:
		if !bytes.Equal(r.buffer[first:end], payload) {
			s.stats.Reassembly.Overlap++
			s.spoil(r)
		}
	case overlap:
		s.stats.Reassembly.Overlap++
		s.spoil(r)
	case scatter:
		s.stats.Reassembly.Scattered++
		s.spoil(r)
	}
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

// deliverReassembled gives the payload of a whole datagram to its Handler.
func (s *Stack) deliverReassembled(now time.Duration, dst netip.Addr, r *reassembly) {
	t := &s.reassemblies
	payload := r.buffer[:r.holes.end]
	r.buffer = nil // lent to the Handler
	s.endReassembly(slices.Index(t.active, r))
	s.stats.DatagramsReassembled++
	s.stats.DatagramsReceived++
	s.stats.BytesReceived += uint64(len(payload))
	s.handlers[r.proto].Receive(now, fromUint32(r.src), dst, payload)
	t.buffers.giveBack(payload)
}

// advanceReassemblies drops the datagrams whose time is over. Where the first
// fragment came, its source is told (RFC 792, page 6).
func (s *Stack) advanceReassemblies(now time.Duration) {
	t := &s.reassemblies
	for len(t.active) > 0 && t.active[0].deadline <= now {
		if r := t.active[0]; r.buffer != nil {
			s.stats.Reassembly.Timeout++
			if r.first > 0 {
				s.reportReassemblyTime(now, r)
			}
		}
		s.endReassembly(0)
	}
}
