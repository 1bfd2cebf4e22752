package ipx

import (
	"fmt"
	"time"

	"deputy/link"
)

// Options of the header that are a single byte, and the flag of those that
// every fragment carries (RFC 791, section 3.1).
const (
	optionEnd    = 0
	optionNoOp   = 1
	optionCopied = 0x80
)

// send sends n bytes of payload by a header that is built anew: for all that
// cannot go in place. It waits for the neighbour, goes out by another stack's
// device, or is too large for the path.
func (s *Stack) send(now time.Duration, to *path, proto uint8, payload *gather, n int) error {
	var header [HeaderLen]byte
	switch {
	case n <= to.mtu && !to.fragile:
		s.id++
		to.template.putHeader(header[:], proto, s.id, flagDontFragment, n)
	default:
		// A number of its own, so that it comes round as late as possible: a
		// receiver confuses datagrams that have it in common (RFC 4963).
		s.fragmentID++
		to.template.putHeader(header[:], proto, s.fragmentID, 0, n)
	}
	if !to.via.isUsable() {
		return to.out.wait(now, to.via, header[:], payload, n, false)
	}
	to.via.used = now
	return to.out.emit(to.via, header[:], payload, n, to.mtu+HeaderLen)
}

// emit sends a datagram of ours to a neighbour that is usable, in pieces of at
// most mtu bytes.
func (s *Stack) emit(via *neighbour, header Header, payload *gather, n, mtu int) error {
	var err error
	if len(header)+n <= mtu {
		err = s.put(via, header, payload, n)
	} else {
		s.stats.DatagramsFragmented++
		err = s.fragment(via, header, payload, n, mtu)
	}
	if err != nil {
		s.stats.Output.DeviceError++
		return err
	}
	s.stats.DatagramsSent++
	s.stats.BytesSent += uint64(n)
	return nil
}

// emitWaited sends a datagram that has waited for its neighbour. An error is
// counted, and has nobody to go to.
func (s *Stack) emitWaited(via *neighbour, d datagram) {
	header := Header(d.bytes)
	header = header[:header.HeaderLen()]
	payload := gather{head: d.bytes[len(header):]}
	if d.forwarded {
		_ = s.emitForwarded(via, header, &payload, len(d.bytes)-len(header))
	} else {
		_ = s.emit(via, header, &payload, len(d.bytes)-len(header), s.mtu+HeaderLen)
	}
}

// put sends a datagram or a fragment in one frame.
func (s *Stack) put(via *neighbour, header Header, payload *gather, n int) error {
	frame := s.dev.Buffer()
	s.putEthernet(frame, via.hardware, link.EtherTypeIPv4)
	b := frame[link.HeaderLen:]
	copy(b, header)
	payload.read(b[len(header):][:n])
	if err := s.dev.Send(link.HeaderLen + len(header) + n); err != nil {
		return fmt.Errorf("ipx: send to %s: %w", via.addr, err)
	}
	return nil
}

// fragment sends a datagram, or a fragment, whose header is given, in pieces of
// at most mtu bytes (RFC 791, section 3.2). All pieces but the last are a
// multiple of 8 bytes; they leave in order. The header is changed.
func (s *Stack) fragment(via *neighbour, header Header, payload *gather, n, mtu int) error {
	offset := header.FragmentOffset()
	lastFlag := header.fragment() & flagMoreFragments
	for n > 0 {
		piece, flag := mtu-len(header), lastFlag
		if piece >= n {
			piece = n
		} else {
			piece &^= 7
			flag = flagMoreFragments
		}
		header.setPlace(len(header)+piece, flag|uint16(offset/8))
		if err := s.put(via, header, payload, piece); err != nil {
			return err
		}
		s.stats.FragmentsSent++
		if offset == 0 {
			header = header.withCopiedOptions()
		}
		offset += piece
		n -= piece
	}
	return nil
}

// withCopiedOptions leaves in the header those options that every fragment
// carries. It works in place, and leaves the checksum to setPlace.
func (h Header) withCopiedOptions() Header {
	to := HeaderLen
	for from := HeaderLen; from < len(h); {
		kind, length := h[from], 1
		if kind == optionEnd {
			break
		}
		if kind != optionNoOp {
			if from+1 >= len(h) || h[from+1] < 2 || from+int(h[from+1]) > len(h) {
				break // malformed, and so is what follows
			}
			length = int(h[from+1])
		}
		if kind&optionCopied != 0 {
			to += copy(h[to:], h[from:from+length])
		}
		from += length
	}
	for to%4 != 0 {
		h[to] = optionEnd
		to++
	}
	h[offVersionIHL] = 4<<4 | uint8(to/4)
	return h[:to]
}
