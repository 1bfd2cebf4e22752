package ipx

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

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
