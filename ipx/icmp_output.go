package ipx

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"

	"deputy/internal/checksum"
	"deputy/link"
)

// Bounds of what we send by ICMP of our own accord or when asked.
const (
	// errorBurst and errorInterval limit the errors (RFC 1812, section 4.3.2.8):
	// enough for every sender to learn of his mistake.
	errorBurst    = 50
	errorInterval = 10 * time.Millisecond
	// mtuBurst and mtuInterval limit the errors that fragmentation is needed. They
	// have their own, since a path without them is a black hole.
	mtuBurst    = 200
	mtuInterval = time.Millisecond
	// replyBurst and replyInterval limit the echo replies: ping by a person or a
	// monitor gets all of them.
	replyBurst    = 200
	replyInterval = time.Millisecond
	// maxQuote is how much of a datagram an error quotes, in bytes: what makes
	// the error no longer than 576 bytes (RFC 1812, section 4.3.2.3).
	maxQuote = 576 - HeaderLen - icmpHeaderLen
)

// answerEcho sends an echo request back as a reply, whatever its size.
func (s *Stack) answerEcho(now time.Duration, src netip.Addr, m icmpMessage) {
	if !s.replies.allow(now) {
		s.stats.ICMP.Limited++
		return
	}
	header := s.message[:copy(s.message[:], m)]
	header[offICMPType] = icmpEchoReply
	// RFC 1624, section 3: HC' = ~(~HC + ~m + m'), with the type in the high byte.
	const change = math.MaxUint16 - icmpEcho<<8
	sum := uint32(^binary.BigEndian.Uint16(m[offICMPChecksum:])) + change
	binary.BigEndian.PutUint16(header[offICMPChecksum:], checksum.Fold(sum))
	if s.icmp.SendDatagram(now, src, header, m[icmpHeaderLen:]) == nil {
		s.stats.ICMP.RepliesSent++
	}
}

// mayReport reports whether an error may be sent about a datagram: it isn't an
// error itself, nor a later fragment, nor was it sent to or from many (RFC 1122,
// section 3.2.2). to is the hardware address that its frame was sent to.
func (s *Stack) mayReport(to link.Addr, h Header) bool {
	if to == link.Broadcast || h.FragmentOffset() != 0 {
		return false
	}
	for _, a := range [2]uint32{binary.BigEndian.Uint32(h[offSource:]), binary.BigEndian.Uint32(h[offDestination:])} {
		if !isUnicast(a) || s.isBroadcast(a) {
			return false
		}
	}
	if h.Protocol() == icmpProto {
		return len(h) > h.HeaderLen() && !isICMPError(h[h.HeaderLen()])
	}
	return true
}

// sendError tells the source of h what befell it, within the limits. mtu is
// that of the next hop, where fragmentation is needed.
func (s *Stack) sendError(now time.Duration, h Header, kind, code uint8, mtu int) {
	limit := &s.errors
	if kind == icmpUnreachable && code == codeFragmentationNeeded {
		limit = &s.mtuErrors
	}
	if !limit.allow(now) {
		s.stats.ICMP.Limited++
		return
	}
	quote := h[:min(len(h), maxQuote)]
	header := s.makeMessage(kind, code, 0, uint16(mtu), quote)
	if s.icmp.SendDatagram(now, h.Source(), header, quote) == nil {
		s.stats.ICMP.ErrorsSent++
	}
}

// makeMessage returns the header of an ICMP message with the data that follows,
// valid until the next one is made. high and low are its second four bytes.
func (s *Stack) makeMessage(kind, code uint8, high, low uint16, data []byte) []byte {
	s.message = [icmpHeaderLen]byte{offICMPType: kind, offICMPCode: code}
	header := s.message[:]
	binary.BigEndian.PutUint16(header[offICMPIdent:], high)
	binary.BigEndian.PutUint16(header[offICMPSequence:], low)
	sum := checksum.Sum(data, checksum.Sum(header, 0))
	binary.BigEndian.PutUint16(header[offICMPChecksum:], checksum.Fold(sum))
	return header
}

// reportReassemblyTime tells the source of a datagram whose first fragment came
// that the others didn't.
func (s *Stack) reportReassemblyTime(now time.Duration, r *reassembly) {
	n := copy(s.quote[:], r.header[:r.first])
	n += copy(s.quote[n:], r.buffer[:quotedLeast])
	if h := Header(s.quote[:n]); s.mayReport(s.hardware, h) {
		s.sendError(now, h, icmpTimeExceeded, codeReassembly, 0)
	}
}
