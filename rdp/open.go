package rdp

import (
	"math"
	"time"
)

// sendSYN starts the handshake of a record in SYN-SENT or SYN-RCVD. The SYN is a segment of the send queue like any
// other, so its retransmission and its acknowledgement are too.
func (r *Record) sendSYN(now time.Duration) {
	r.sndUna, r.sndNxt, r.sndEnd = r.iss, r.iss, r.iss
	r.sndMax = 1
	r.enqueue(kindSYN, nil)
	r.pump(now)
}

// resendSYN answers a SYN again, with ACK (RFC 908 prints a bare ACK, which doesn't tell our sequence number).
func (r *Record) resendSYN(now time.Duration) {
	r.out.at(r.iss).resent = true
	r.transmit(now, r.iss)
}

// validParameters tests what a SYN offers; RFC 908 doesn't. A maximum of 0 segments, or one too small for data, would
// hang the sender for ever.
func validParameters(h Header) bool {
	return h.Outstanding() > 0 && h.SegmentSize() >= MinSegmentSize
}

// synchronize takes over what the peer's SYN says. RFC 908 prints RBUF.MAX = SEG.BMAX for SYN-SENT; it is SBUF.MAX, as
// in LISTEN. Delivery is sequenced if either side wants it: the side that answers says so in its SYN, so both know.
func (r *Record) synchronize(h Header) {
	r.irs = h.Seq()
	r.rcvCur, r.rcvIn, r.rcvHigh = r.irs, r.irs, r.irs
	r.acked = r.irs - 1
	r.peerMax = uint32(h.Outstanding())
	r.peerSize = min(int(h.SegmentSize()), max(r.options.SegmentSize, r.endpoint.mtu+ipHeaderLen), math.MaxUint16)
	r.whole = min(r.peerSize-ipHeaderLen, r.endpoint.mtu)
	if h.Sequenced() {
		r.arrivalOrder = false
	}
}

// receiveSynSent processes a segment in SYN-SENT in the order of RFC 1151: RST, SYN, then ACK.
func (r *Record) receiveSynSent(now time.Duration, h Header) {
	flags := h.Flags()
	acceptable := flags&ACK != 0 && h.Ack() == r.iss
	switch {
	case flags&RST != 0:
		if acceptable {
			r.forget()
			r.end(now, ErrRefused)
		}
	case flags&ACK != 0 && !acceptable: // the peer has half a connection of earlier: reset it, and close here too
		r.rejectAck(now, h)
	case flags&SYN == 0: // nothing else means anything here
	case !validParameters(h):
		r.endpoint.stats.BadParameters++
		r.endpoint.refuse(now, r.remote.Addr(), h, r.options.Checksum)
		r.forget()
		r.end(now, ErrParameters)
	case flags&ACK != 0:
		r.synchronize(h)
		r.acknowledge(now, h)
		r.ackNow = true
		r.open(now)
	default: // simultaneous open
		r.synchronize(h)
		r.setState(StateSynReceived)
		r.resendSYN(now)
	}
}

// receiveSynReceived processes a segment in SYN-RCVD.
func (r *Record) receiveSynReceived(now time.Duration, h Header, data []byte) {
	flags := h.Flags()
	if flags&SYN != 0 {
		switch {
		case h.Seq() != r.irs: // an old SYN, or the peer has restarted: it will tell by its answer to an ACK
			r.sendAck(now)
		case flags&ACK == 0:
			r.resendSYN(now)
		case h.Ack() != r.iss:
			r.rejectAck(now, h)
		default: // simultaneous open (RFC 908, example 5.2)
			r.acknowledge(now, h)
			r.open(now)
		}
		return
	}
	if !r.acceptable(h.Seq()) {
		r.info.OutOfRange++
		if consumes(flags, data) {
			r.sendAck(now)
		}
		return
	}
	switch {
	case flags&RST != 0: // a passive open goes back to LISTEN: the listener is still there
		r.forget()
		r.end(now, ErrRefused)
	case flags&EACK != 0: // of what? we have sent a SYN only
		r.rejectAck(now, h)
	case flags&ACK == 0:
	case h.Ack() != r.iss:
		r.rejectAck(now, h)
	default:
		r.acknowledge(now, h)
		r.open(now)
		if r.state == StateOpen {
			r.receiveOpen(now, h, data)
		}
	}
}

// rejectAck resets the peer, whose ACK is not of our SYN, and closes the connection here as well (RFC 1151).
func (r *Record) rejectAck(now time.Duration, h Header) {
	r.endpoint.refuse(now, r.remote.Addr(), h, r.options.Checksum)
	r.forget()
	r.end(now, ErrReset)
}

// open enters OPEN: the handshake is complete.
func (r *Record) open(now time.Duration) {
	r.setState(StateOpen)
	r.heard = now
	r.sndMax = r.peerMax
	r.maxData = r.peerSize - ipHeaderLen - HeaderLen
	r.piece = r.maxData
	if large := r.endpoint.large; large != nil && r.peerSize-ipHeaderLen == r.whole {
		r.lowerPiece(large.PathMTU(r.remote.Addr()))
	}
	r.startCongestion()
	r.slots = max(uint32(r.options.SendBuffer/r.endpoint.buffers.size)+1, min(r.sndMax, maxSmallMessages))
	if l := r.listener; l != nil {
		r.listener = nil
		l.embryonic--
		events := l.accept(now, r)
		if events == nil {
			r.abort(now, ErrRefused)
			return
		}
		r.setEvents(events)
	}
	r.events.OnOpen(now)
}

// maxSmallMessages is how many segments a send buffer holds at least, if the peer's window does, although each takes a
// buffer of the MTU however small it is, or the peer wants it: 1.5 MB. Beyond it SendBuffer counts whole buffers.
const maxSmallMessages = 1024

func (r *Record) setEvents(events Events) {
	r.events = events
	r.messages, _ = events.(MessageEvents)
}
