package rdp

import "time"

// The way of a segment in, in OPEN:
//
//  1. Endpoint.Receive parses it and finds the record (endpoint.go);
//  2. receiveOpen tests the sequence number, then RST, SYN, ACK and EACK, as RFC 908 (section 3.7.2) does, but uses
//     the ACK of duplicates too;
//  3. accept (deliver.go) sorts data and NUL into sequence, offers data to the user, and notes what to acknowledge;
//  4. settle sends what the acknowledgement made room for, and acknowledgeLater (ack.go) decides when to
//     acknowledge.

// window is the number of sequence numbers accepted: twice RCV.MAX (RFC 908, section 3.5; the right edge is
// exclusive, RFC 1151).
func (r *Record) window() uint32 { return 2 * r.rcvMax }

// acceptable is RFC 908's RCV.CUR < SEG.SEQ =< RCV.CUR + RCV.MAX*2.
func (r *Record) acceptable(seq uint32) bool { return within(seq, r.rcvCur+1, r.window()) }

// nearby also includes one window to the left, where duplicates and delayed ACKs come from. What lies outside has no
// effect at all.
func (r *Record) nearby(seq uint32) bool {
	return within(seq, r.rcvCur+1-r.window(), 2*r.window())
}

// consumes reports whether a segment uses up its sequence number, and so wants an acknowledgement.
func consumes(flags Flags, data []byte) bool { return len(data) > 0 || flags&(SYN|NUL) != 0 }

// receiveOpen processes a segment in state OPEN.
func (r *Record) receiveOpen(now time.Duration, h Header, data []byte) {
	flags, seq := h.Flags(), h.Seq()
	if !r.nearby(seq) {
		r.info.OutOfRange++
		r.challenge(flags, data)
		return
	}
	acceptable := r.acceptable(seq)
	if flags&RST != 0 {
		// A reset outside the window has no effect, nor has its ACK. The window begins above what was acknowledged,
		// since a host without a record answers with SEQ = SEG.ACK + 1: a segment that the user doesn't take may lie
		// there.
		if !within(seq, r.ackNumber()+1, r.window()) {
			r.info.OutOfRange++
			return
		}
		r.reset(now, h)
		return
	}
	if flags&SYN != 0 {
		// A SYN again: our ACK was lost. Another SYN: the peer has restarted, and will answer an ACK with a RST
		// (RFC 908, section 5.7). So both get an ACK, wherever the number lies; a reset by SYN, as RFC 908
		// prints for one in the window, would be an open door.
		r.challenge(flags, data)
		return
	}
	if flags&ACK != 0 && !r.acknowledge(now, h) {
		r.info.OutOfRange++ // of what was never sent: from another connection
		return
	}
	r.heard, r.probes = now, 0
	if !consumes(flags, data) {
		return
	}
	if !acceptable {
		if before(r.rcvCur, seq) {
			r.info.OutOfRange++
		} else {
			r.info.Duplicates++
		}
		r.fresh++
		return
	}
	if ipHeaderLen+len(h)+len(data) > r.options.SegmentSize { // RFC 908, section 3.3
		r.abort(now, ErrOversize)
		return
	}
	r.accept(now, seq, data)
}

// challenge answers a segment that can't be accepted with an ACK of where the connection stands, if it is one that
// asks for an answer: answering every segment, as RFC 908 prints, would let two ends out of step do so for ever.
func (r *Record) challenge(flags Flags, data []byte) {
	if consumes(flags, data) {
		r.fresh++
		r.ackNow = true
	}
}
