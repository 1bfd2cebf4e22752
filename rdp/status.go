package rdp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// Status communication (the thesis, section 3.1.1): IP tells what an ICMP message says of a segment that was sent. Such
// a message is easily forged, so it is believed as far as RFC 5927 does:
//
//   - only if the segment that it quotes is under way;
//   - in SYN-SENT, "no such protocol" and "no such port" end the attempt;
//   - in OPEN nothing ends the connection: the message is kept as the cause, should it end with ErrTimeout;
//   - "fragmentation needed" makes the pieces of Write smaller, down to minPiece.

// ICMP's types and codes (RFC 792, RFC 1122 section 3.2.2.1).
const (
	icmpUnreachable        = 3
	icmpTimeExceeded       = 11
	codeNetwork            = 0
	codeProtocol           = 2
	codePort               = 3
	codeFragmentation      = 4
	codeNetworkUnknown     = 6
	codeNetworkProhibited  = 9
	codeHostProhibited     = 10
	codeNetworkUnavailable = 11
	codeProhibited         = 13
)

// minPiece is the least that a path is believed to carry: what every host must be able to receive (RFC 1122, section
// 3.3.2).
const minPiece = 576 - ipHeaderLen - HeaderLen

// StatusError is what ICMP said of a segment. It unwraps to an errno.
type StatusError struct{ Type, Code uint8 }

func (e *StatusError) Error() string {
	what := "unreachable"
	if e.Type == icmpTimeExceeded {
		what = "time exceeded"
	}
	return fmt.Sprintf("ICMP: %s (type %d, code %d): %v", what, e.Type, e.Code, e.Unwrap())
}

// Unwrap returns the errno that Linux gives for the same message.
func (e *StatusError) Unwrap() error {
	if e.Type == icmpUnreachable {
		switch e.Code {
		case codeNetwork, codeNetworkUnknown, codeNetworkProhibited, codeNetworkUnavailable:
			return syscall.ENETUNREACH
		case codeProtocol:
			return syscall.ENOPROTOOPT
		case codePort:
			return syscall.ECONNREFUSED
		case codeFragmentation:
			return syscall.EMSGSIZE
		}
	}
	return syscall.EHOSTUNREACH
}

// Status takes what an ICMP message says of a segment sent to dst. segment is its beginning, mtu the next hop's for
// "fragmentation needed", in bytes of datagram, otherwise 0. It meets ipx.StatusHandler.
func (e *Endpoint) Status(now time.Duration, dst netip.Addr, icmpType, icmpCode uint8, mtu int, segment []byte) {
	dst = dst.Unmap()
	if len(segment) < offDataLen || !dst.Is4() {
		e.stats.StatusIgnored++
		return
	}
	local, remote := binary.BigEndian.Uint16(segment[offSource:]), binary.BigEndian.Uint16(segment[offDest:])
	r := e.records[key(dst, remote, local)]
	if r == nil || !r.underWay(segment) {
		e.stats.StatusIgnored++
		return
	}
	e.stats.StatusTaken++
	switch {
	case icmpType == icmpUnreachable && icmpCode == codeFragmentation:
		r.lowerPiece(mtu - ipHeaderLen)
	case r.state == StateSynSent && icmpType == icmpUnreachable && (icmpCode == codeProtocol || icmpCode == codePort):
		r.forget()
		r.end(now, fmt.Errorf("%w: %w", ErrRefused, &StatusError{icmpType, icmpCode}))
	default:
		r.cause = StatusError{icmpType, icmpCode}
	}
}

// underWay reports whether the quoted segment was sent and not acknowledged. Eight bytes of quotation, RFC 792's least,
// don't reach to the sequence number, so they prove nothing.
func (r *Record) underWay(segment []byte) bool {
	if len(segment) < offAck || r.state == StateCloseWait {
		return false
	}
	return within(binary.BigEndian.Uint32(segment[offSeq:]), r.sndUna, r.sndNxt-r.sndUna)
}

// lowerPiece makes the pieces of Write fit into segments of size bytes.
func (r *Record) lowerPiece(size int) {
	r.piece = min(r.piece, max(size-HeaderLen, minPiece))
}

// timeout is why a connection ends whose peer does not answer.
func (r *Record) timeout() error {
	if r.cause == (StatusError{}) {
		return ErrTimeout
	}
	return fmt.Errorf("%w: %w", ErrTimeout, &StatusError{r.cause.Type, r.cause.Code})
}
