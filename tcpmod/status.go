package tcpmod

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"
)

// ICMP types and codes (RFC 792) with a meaning of their own here.
const (
	icmpUnreachable = 3
	codeProtocol    = 2
	codePort        = 3
	codeTooLarge    = 4 // fragmentation needed and DF set (RFC 1191)
)

// ipHeaderLen is what a next-hop MTU counts beside the segment, in bytes.
const ipHeaderLen = 20

// minPathMSS is the floor to which reports may lower the segment size, in
// bytes of data: every host takes datagrams of 576 bytes (RFC 9293, section
// 3.7.1), and a lower one would only serve an attacker (RFC 5927, section 7.1).
const minPathMSS = defaultMSS

// What the network reported of a connection that timed out (see TimeoutError),
// or, of a port or protocol, that ended an attempt to connect.
var (
	ErrNetUnreachable      = &Error{"network unreachable", syscall.ENETUNREACH}
	ErrHostUnreachable     = &Error{"host unreachable", syscall.EHOSTUNREACH}
	ErrProtocolUnreachable = &Error{"peer has no TCP", syscall.ENOPROTOOPT}
	ErrTimeExceeded        = &Error{"datagrams go in circles", syscall.EHOSTUNREACH}
	ErrParameter           = &Error{"a router refuses our datagrams", syscall.EPROTO}
)

// TimeoutError is an ErrTimeout of which the network had reported the cause.
type TimeoutError struct{ Cause error }

func (e *TimeoutError) Error() string { return ErrTimeout.Error() + ": " + e.Cause.Error() }

// Unwrap returns ErrTimeout and the cause.
func (e *TimeoutError) Unwrap() []error { return []error{ErrTimeout, e.Cause} }

// Timeout is true.
func (e *TimeoutError) Timeout() bool { return true }

// reported returns what an ICMP type and code mean; nil: nothing to us.
func reported(icmpType, code uint8) *Error {
	switch icmpType {
	case icmpUnreachable:
		switch code {
		case 0, 5, 6, 9, 11: // network, source route, unknown, prohibited, type of service
			return ErrNetUnreachable
		case codeProtocol:
			return ErrProtocolUnreachable
		case codePort:
			return ErrRefused
		}
		return ErrHostUnreachable
	case 11:
		return ErrTimeExceeded
	case 12:
		return ErrParameter
	}
	return nil
}

// Status takes an ICMP report about a datagram of ours to dst, of which segment
// is the beginning, 8 bytes at least. mtu is the next-hop MTU of a report that
// the datagram was too large, in bytes, or 0.
//
// It follows RFC 5927. A report about a segment that is not under way is
// forged or late, and ignored. In SYN-SENT an unreachable port or protocol ends
// the attempt. All else is remembered, and is the cause if the connection times
// out; an acknowledgement disproves it. A segment that was too large is sent
// again in smaller ones.
func (e *Endpoint) Status(now time.Duration, dst netip.Addr, icmpType, icmpCode uint8, mtu int, segment []byte) {
	if len(segment) < 8 || !dst.Is4() {
		e.stats.StatusIgnored++
		return
	}
	local, remote := binary.BigEndian.Uint16(segment), binary.BigEndian.Uint16(segment[offDstPort:])
	seq := seqNum(binary.BigEndian.Uint32(segment[offSeq:]))
	c := e.conns[makeKey(dst, remote, local)]
	if c == nil || seq.lt(c.snd.una) || !seq.lt(c.snd.nxt) {
		e.stats.StatusIgnored++
		return
	}
	cause := reported(icmpType, icmpCode)
	switch {
	case icmpType == icmpUnreachable && icmpCode == codeTooLarge:
		c.lowerMSS(now, mtu)
	case cause == nil:
		e.stats.StatusIgnored++
	case c.state == SynSent && icmpType == icmpUnreachable && (icmpCode == codePort || icmpCode == codeProtocol):
		e.stats.StatusTaken++
		c.end(now, cause)
	default:
		e.stats.StatusTaken++
		c.soft = cause
	}
}

// lowerMSS makes segments small enough for a next hop with the given MTU, 0 if
// it did not say (RFC 1191, section 5), and sends those again that were too
// large. That is no congestion.
func (c *TCB) lowerMSS(now time.Duration, mtu int) {
	mss := max(mtu-ipHeaderLen-c.headerLen, minPathMSS)
	if !c.state.sends() || mss >= c.mss {
		c.e.stats.StatusIgnored++
		return
	}
	c.e.stats.StatusTaken++
	c.mss = mss
	start := c.snd.una
	for i := range c.board.n {
		p := c.board.at(i)
		n := p.end.sub(start)
		start = p.end
		if n > mss && p.state&notInFlight == 0 {
			c.board.markLost(p, n)
		}
	}
	c.output(now)
}
