package ipx

import (
	"encoding/binary"
	"errors"

	"deputy/internal/checksum"
)

// icmpProto is the protocol number of ICMP (RFC 792).
const icmpProto = 1

// icmpHeaderLen is the size in bytes of what all messages begin with.
const icmpHeaderLen = 8

// Offsets in an ICMP message.
const (
	offICMPType     = 0 // 1 byte
	offICMPCode     = 1 // 1 byte
	offICMPChecksum = 2 // 2 bytes, over the message
	offICMPIdent    = 4 // 2 bytes, of an echo
	offICMPSequence = 6 // 2 bytes, of an echo
	offICMPMTU      = 6 // 2 bytes, of fragmentation needed (RFC 1191, section 4)
	offICMPQuote    = 8 // what follows: a datagram's beginning, or an echo's data
)

// Types and codes that this stack sends or understands.
const (
	icmpEchoReply    = 0
	icmpUnreachable  = 3
	icmpSourceQuench = 4
	icmpRedirect     = 5
	icmpEcho         = 8
	icmpTimeExceeded = 11
	icmpParameter    = 12

	codeNetUnreachable      = 0 // of icmpUnreachable
	codeHostUnreachable     = 1
	codeProtocolUnreachable = 2
	codeFragmentationNeeded = 4
	codeTTL                 = 0 // of icmpTimeExceeded
	codeReassembly          = 1
)

var (
	errICMPShort    = errors.New("ipx: ICMP message shorter than 8 bytes")
	errICMPChecksum = errors.New("ipx: wrong ICMP checksum")
	errQuote        = errors.New("ipx: ICMP error without the beginning of a datagram")
)

// icmpMessage is a view of an ICMP message. On one that parseICMP returned no
// accessor panics.
type icmpMessage []byte

// parseICMP checks the length and the checksum of a message.
func parseICMP(b []byte) (icmpMessage, error) {
	if len(b) < icmpHeaderLen {
		return nil, errICMPShort
	}
	if checksum.Fold(checksum.Sum(b, 0)) != 0 {
		return nil, errICMPChecksum
	}
	return b, nil
}

func (m icmpMessage) kind() uint8   { return m[offICMPType] }
func (m icmpMessage) code() uint8   { return m[offICMPCode] }
func (m icmpMessage) ident() uint16 { return binary.BigEndian.Uint16(m[offICMPIdent:]) }
func (m icmpMessage) sequence() uint16 {
	return binary.BigEndian.Uint16(m[offICMPSequence:])
}

// nextHopMTU returns the MTU of a message that fragmentation is needed, 0 from
// gateways older than RFC 1191.
func (m icmpMessage) nextHopMTU() int { return int(binary.BigEndian.Uint16(m[offICMPMTU:])) }

// quote returns the datagram that an error is about, as much of it as the
// message has: its header and 8 bytes of its payload at least (RFC 792). The
// header's checksum is not tested: a gateway may have changed it since.
func (m icmpMessage) quote() (Header, error) {
	h := Header(m[offICMPQuote:])
	if len(h) < HeaderLen || h.Version() != 4 {
		return nil, errQuote
	}
	if n := h.HeaderLen(); n < HeaderLen || len(h) < n+quotedLeast || h.TotalLength() < n+quotedLeast {
		return nil, errQuote
	}
	return h[:min(len(h), h.TotalLength())], nil
}

// quotedLeast is how many bytes of a datagram's payload an error quotes at
// least: those that transports have their ports in.
const quotedLeast = 8

// isICMPError reports whether a message of a type is an error, which is never
// answered by one (RFC 1122, section 3.2.2). What is unknown counts as one.
func isICMPError(kind uint8) bool {
	switch kind {
	case icmpEchoReply, icmpEcho, 9, 10, 13, 14, 15, 16, 17, 18: // queries and their replies
		return false
	}
	return true
}
