package tcpmod

import (
	"net/netip"
	"time"
)

// maxHalfOpen is how many connections of one listener may be in SYN-RCVD;
// further SYNs are dropped, and their senders try again.
const maxHalfOpen = 256

// AcceptFunc is told of each established connection of a listener and returns
// the events for it, or nil to reset it.
type AcceptFunc func(now time.Duration, c *TCB) Events

// listener is the state LISTEN of a port.
type listener struct {
	opt      Options
	accept   AcceptFunc
	halfOpen int
}

// Listen lets peers connect to port. The error is ErrInUse, ErrAddress for port
// 0, or wraps congestion.ErrAlgorithm or ErrIntegrity.
func (e *Endpoint) Listen(port uint16, o Options, accept AcceptFunc) error {
	if port == 0 {
		return ErrAddress
	}
	if err := o.check(); err != nil {
		return err
	}
	if e.listeners[port] != nil {
		return ErrInUse
	}
	e.listeners[port] = &listener{opt: o.withDefaults(), accept: accept}
	return nil
}

// Unlisten ends the listening. Connections that are not established yet are
// reset when the peer completes their handshake; others go on.
func (e *Endpoint) Unlisten(port uint16) { delete(e.listeners, port) }

// receiveListen is RFC 9293, section 3.10.7.2. least, if not zero, is the
// least initial sequence number: above those of the connection that was.
func (e *Endpoint) receiveListen(now time.Duration, src netip.Addr, h Header, k key, l *listener, least seqNum) {
	f := h.Flags()
	switch {
	case f&RST != 0:
		return
	case f&ACK != 0:
		e.refuse(now, src, h)
		return
	case f&SYN == 0 || f&FIN != 0 || h.SrcPort() == 0:
		e.stats.Unacceptable++
		return
	}
	switch e.judge(l.opt.Integrity, h, src) {
	case damaged:
		e.stats.BadChecksum++
		return
	case foreign:
		e.stats.Mismatched++
		e.refuse(now, src, h)
		return
	}
	if l.halfOpen >= maxHalfOpen {
		e.stats.Refused++
		return
	}
	c := e.newTCB(now, k, netip.AddrPortFrom(src, h.SrcPort()), &l.opt)
	c.listener = l
	l.halfOpen++
	iss := e.initialSeq(now, k)
	if least != 0 {
		iss = maxSeq(iss, least)
	}
	c.snd.start(iss)
	c.negotiate(now, &segment{seq: seqNum(h.Seq()), window: h.Window(), options: h.Options()})
	c.setState(now, SynRcvd)
	c.sendSYN(now)
}
