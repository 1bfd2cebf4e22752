package rdp

import (
	"time"

	"deputy/internal/congestion"
)

// The way of a message out:
//
//  1. Write or WriteMessage copies it into buffers of one segment each and gives every one a sequence number;
//  2. pump transmits while SND.NXT < SND.UNA + SND.MAX;
//  3. transmit writes header and data into the buffer that the network lends, with the ACK that is owed;
//  4. acknowledge (resend.go) releases what the peer has, and retry and resend send again what it has not.

// kind of a segment that consumes a sequence number.
type kind uint8

const (
	kindData kind = iota
	kindNUL
	kindSYN
)

// outgoing is a segment in the send queue: queued, or sent and unacknowledged.
type outgoing struct {
	data     []byte        // lent by the pool; nil for SYN and NUL
	sent     time.Duration // last transmission
	due      time.Duration // its retransmission timer (RFC 908, section 3.4.4)
	serial   uint32        // number of the last transmission among all of the connection
	timeouts uint8         // retransmissions by timer
	kind     kind
	eacked   bool // the peer has it, out of order or not taken
	resent   bool // an acknowledgement says nothing about the round trip (Karn)
	lost     bool // it waits until the congestion window has room for it; it has no timer then
	suspect  bool // one sent later has arrived: due is the end of the wait for reordering
}

// sender is the sending half of a record: RFC 908's send sequence variables, and the send queue.
type sender struct {
	iss    uint32                // SND.ISS
	sndUna uint32                // SND.UNA, the oldest unacknowledged segment
	sndNxt uint32                // SND.NXT, the next to be sent
	sndEnd uint32                // the next to be queued
	sndMax uint32                // SND.MAX, the limit of outstanding segments: 1 for the SYN, then the peer's
	cc     congestion.Controller // nil: none

	peerMax     uint32         // SEG.MAX of the peer's SYN
	out         ring[outgoing] // SND.UNA up to sndEnd
	queuedBytes int            // of data in out
	slots       uint32         // how many segments out may hold, the one of a NUL aside
	maxData     int            // bytes of data in the largest segment
	piece       int            // bytes of data in the largest segment that Write makes: less if the path's MTU is
	peerSize    int            // SBUF.MAX: bytes of the largest segment, IP header included
	whole       int            // bytes of the largest segment that leaves in one frame
	wantSpace   bool           // OnSpace is owed
	writeClosed bool           // CloseWrite, Close

	rtt        rtt
	backoff    uint8  // doublings of the RTO since the last measurement
	expiries   uint8  // of the oldest segment's timer, since something was acknowledged
	probes     uint8  // of a peer that takes nothing, since it was last heard
	serial     uint32 // transmissions so far
	delivered  uint32 // the highest serial known to have arrived
	eackedHigh uint32 // the highest number reported by EACK
	eacked     uint32 // segments outstanding that were reported by EACK
}

// windowOpen is the one test of the send window (RFC 908, section 3.7.1, Send): the right edge is exclusive, and the
// comparison survives wrap-around.
func (r *Record) windowOpen() bool {
	return r.sndNxt-r.sndUna < r.sndMax && (r.cc == nil || r.congestionOpen())
}

// room reports whether the send buffer can take n bytes as one segment: the one test for Write and OnSpace.
func (r *Record) room(n int) bool {
	if r.sndEnd-r.sndUna >= r.slots {
		return false
	}
	return r.queuedBytes == 0 || r.queuedBytes+n <= r.options.SendBuffer
}

// Write copies what the send buffer has room for, as segments of which none holds bytes of two Writes, sends what the
// window allows, and returns how many bytes it took. OnSpace follows if that is less than given, unless the connection
// has ended (Err). Segments are of at most MaxMessage bytes, and less if SegmentSize was left at the MTU and the path's
// is smaller.
func (r *Record) Write(now time.Duration, p []byte) int {
	if r.state != StateOpen || r.writeClosed {
		r.wantSpace = r.Err() == nil && len(p) > 0
		return 0
	}
	total := 0
	for len(p) > 0 {
		n := min(len(p), r.piece)
		if !r.room(n) {
			r.wantSpace = true
			break
		}
		r.enqueue(kindData, p[:n])
		p, total = p[n:], total+n
	}
	r.pump(now)
	r.fileRetry()
	return total
}

// WriteMessage sends p as one segment, so that the peer gets it as one message. The errors are ErrMessageTooLong
// (above MaxMessage), ErrMessageEmpty, ErrNoSpace (OnSpace follows), ErrNotOpen, and that of Err.
func (r *Record) WriteMessage(now time.Duration, p []byte) error {
	if err := r.Err(); err != nil {
		return err
	}
	switch {
	case r.state != StateOpen:
		return ErrNotOpen
	case len(p) == 0:
		return ErrMessageEmpty
	case len(p) > r.maxData:
		return ErrMessageTooLong
	case !r.room(len(p)):
		r.wantSpace = true
		return ErrNoSpace
	}
	r.enqueue(kindData, p)
	r.pump(now)
	r.fileRetry()
	return nil
}

// enqueue gives a segment its sequence number.
func (r *Record) enqueue(k kind, p []byte) {
	used := r.sndEnd - r.sndUna
	r.out.reserve(r.sndUna, used, used+1)
	s := r.out.at(r.sndEnd)
	s.data, s.kind = nil, k
	s.timeouts, s.eacked, s.resent, s.lost = 0, false, false, false // transmit sets the rest
	if len(p) > 0 {
		s.data = r.endpoint.buffers.copy(p)
		r.queuedBytes += len(p)
	}
	r.sndEnd++
}

// pump sends the queue as far as the windows allow, at once: there is no Nagle.
func (r *Record) pump(now time.Duration) {
	if r.cc != nil {
		r.beforePump(now)
	}
	for r.sndNxt != r.sndEnd && r.windowOpen() {
		seq := r.sndNxt
		r.sndNxt++
		n := len(r.out.at(seq).data)
		r.info.BytesSent += uint64(n)
		if r.cc != nil {
			r.unacked += n
			r.lastSent = now
		}
		r.transmit(now, seq)
	}
}

// transmit sends the queued segment seq, for the first time or again.
func (r *Record) transmit(now time.Duration, seq uint32) {
	s := r.out.at(seq)
	r.serial++
	s.sent, s.serial, s.suspect = now, r.serial, false
	wait := r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, max(s.timeouts, r.backoff))
	if !s.resent && r.backoff == 0 {
		wait = r.rtt.tail(wait)
	}
	s.due = now + wait
	r.retryAt = min(r.retryAt, s.due)

	if s.kind == kindSYN {
		r.transmitSYN(now, seq)
		return
	}
	var b []byte
	size, large := r.whole, HeaderLen+len(s.data) > r.whole
	if large {
		b, size = r.endpoint.header[:], r.peerSize-ipHeaderLen
	} else {
		b = r.endpoint.net.Buffer()
	}
	flags, n := ACK, HeaderLen
	if s.kind == kindNUL {
		flags |= NUL
	}
	ack := r.ackNumber()
	reported := true
	if r.fresh > 0 && r.rcvHigh != ack { // out-of-order segments to report ride along if they fit
		if room := (size - HeaderLen - len(s.data)) / 4; room > 0 {
			flags |= EACK
			n += 4 * r.putEACKs(b[HeaderLen:], ack, min(room, MaxEACKs))
			r.info.EACKsSent++
		} else {
			reported = false
		}
	}
	r.acked = ack
	if reported {
		r.ackDone()
	}
	putHeader(b, flags, n, r.local.Port(), r.remote.Port(), len(s.data), seq, ack)
	if large {
		r.emitLarge(now, b[:n], s.data)
		return
	}
	n += copy(b[n:], s.data)
	r.emit(now, b[:n])
}

// transmitSYN sends our SYN, with ACK if the peer's is known.
func (r *Record) transmitSYN(now time.Duration, seq uint32) {
	b := r.endpoint.net.Buffer()
	flags, ack := SYN, uint32(0)
	if r.state != StateSynSent {
		flags, ack = SYN|ACK, r.ackNumber()
	}
	putHeader(b, flags, synLen, r.local.Port(), r.remote.Port(), 0, seq, ack)
	r.acked = ack
	putSYN(b, uint16(r.rcvMax), uint16(r.options.SegmentSize), !r.arrivalOrder)
	r.emit(now, b[:synLen])
}

// emit hands a segment that stands in the lent buffer to the network. A failure is counted; what the segment held is
// retransmitted like one lost on the way.
func (r *Record) emit(now time.Duration, segment []byte) {
	if r.options.Checksum {
		putChecksum(segment, r.local.Addr(), r.remote.Addr())
	}
	r.info.SegmentsSent++
	if !r.endpoint.emit(now, r.remote.Addr(), len(segment)) {
		r.info.SendErrors++
	}
}

// emitLarge is emit for a segment larger than the MTU, which IP cuts into fragments.
func (r *Record) emitLarge(now time.Duration, header, data []byte) {
	if r.options.Checksum {
		putChecksumOf(header, data, r.local.Addr(), r.remote.Addr())
	}
	r.info.SegmentsSent++
	r.info.LargeSent++
	if !r.endpoint.emitLarge(now, r.remote.Addr(), header, data) {
		r.info.SendErrors++
	}
}

// offerSpace calls OnSpace once a quarter of the send buffer is free, so that a user who fills it isn't woken for
// every segment.
func (r *Record) offerSpace(now time.Duration) {
	if r.writeClosed {
		return
	}
	used := r.sndEnd - r.sndUna
	if used > 0 && (used > r.slots-(r.slots+3)/4 || r.queuedBytes > r.options.SendBuffer/4*3) {
		return
	}
	r.wantSpace = false
	r.events.OnSpace(now)
}

// release gives back what the segment seq held.
func (r *Record) release(seq uint32) {
	s := r.out.at(seq)
	if s.data != nil {
		r.queuedBytes -= len(s.data)
		r.endpoint.buffers.put(s.data)
		s.data = nil
	}
}
