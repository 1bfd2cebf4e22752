package rdp

import (
	"encoding/binary"
	"time"
)

// maxAckEvery is how many segments are acknowledged together in a bulk transfer. An ACK costs both sides about as much
// as a small data segment, so eight make it 1/8 of the work; the sender's window of 256 still opens in 32 steps. A
// quarter of the window, if that is less, keeps a sender with a small window going.
const maxAckEvery = 8

// acknowledger is what a record owes the peer in acknowledgements.
type acknowledger struct {
	acked    uint32 // the last acknowledgement number sent
	fresh    int    // segments received since the last report that ACK alone doesn't advance over
	ackNow   bool   // a gap opened or was filled
	eackNext uint32 // where the list of the next EACK begins
	gapFresh int    // out-of-order segments since the first gap opened
	onHold   bool   // in the endpoint's list of held ACKs
}

// ackNumber is what ACK says: RCV.CUR, but not a segment that the user refused.
func (r *Record) ackNumber() uint32 {
	if r.offer.held && r.offer.capped && !before(r.rcvCur, r.offer.seq) {
		return r.offer.seq - 1
	}
	return r.rcvCur
}

// ackEvery is how many segments may share one acknowledgement.
func (r *Record) ackEvery() uint32 { return max(1, min(maxAckEvery, r.rcvMax/4)) }

// noteGap decides how a segment received out of order is reported. One that opens a gap is reported at once, and so are
// as many after it as let the sender resend (reorderThreshold); the rest of a burst shares reports like
// acknowledgements, since a list of up to 123 numbers with every segment costs more than it tells.
func (r *Record) noteGap(seq uint32) {
	r.fresh++
	if seq != r.rcvHigh+1 {
		r.gapFresh = 0
	}
	r.gapFresh++
	if r.gapFresh <= reorderThreshold {
		r.ackNow = true
	}
}

// acknowledgeLater sends the acknowledgement that is owed, or holds it back: a reply is likely to carry it, Flush
// sends it before the loop waits, and AckDelay bounds both.
func (r *Record) acknowledgeLater(now time.Duration) {
	advance := r.ackNumber() - r.acked
	if advance == 0 && r.fresh == 0 && !r.ackNow {
		return
	}
	every := r.ackEvery()
	blocked := advance > 0 && r.rcvHigh-r.acked >= r.rcvMax // the peer may have no window left
	if r.ackNow || advance >= every || r.fresh >= int(every) || blocked {
		r.sendAck(now)
		return
	}
	r.ackAt = min(r.ackAt, now+AckDelay)
	if !r.onHold {
		r.onHold = true
		r.endpoint.held = append(r.endpoint.held, r)
	}
}

// sendAck sends an ACK, or an EACK if something beyond it was received.
func (r *Record) sendAck(now time.Duration) {
	b := r.endpoint.net.Buffer()
	flags, n, ack := ACK, HeaderLen, r.ackNumber()
	if r.rcvHigh != ack {
		flags |= EACK
		n += 4 * r.putEACKs(b[HeaderLen:], ack, min((r.whole-HeaderLen)/4, MaxEACKs))
		r.info.EACKsSent++
	}
	putHeader(b, flags, n, r.local.Port(), r.remote.Port(), 0, r.sndNxt, ack)
	r.info.AcksSent++
	r.acked = ack
	r.ackDone()
	r.emit(now, b[:n])
}

// ackDone notes that everything was reported.
func (r *Record) ackDone() {
	r.fresh, r.ackNow, r.ackAt = 0, false, Never
}

// putEACKs lists up to limit numbers that were received beyond ack, those in sequence and not taken included, and
// returns how many it wrote, at least 1. If there are more, the next list goes on where this one ended.
func (r *Record) putEACKs(b []byte, ack uint32, limit int) int {
	span := r.rcvHigh - ack
	seq := r.eackNext
	if !within(seq, ack+1, span) || span <= uint32(limit) {
		seq = ack + 1
	}
	n := 0
	for range span {
		if r.received(seq) {
			binary.BigEndian.PutUint32(b[4*n:], seq)
			if n++; n == limit {
				break
			}
		}
		if seq++; seq == r.rcvHigh+1 {
			seq = ack + 1
		}
	}
	r.eackNext = seq + 1
	return n
}

// received reports whether seq, not above rcvHigh, was received.
func (r *Record) received(seq uint32) bool {
	return !before(r.rcvIn, seq) || r.in.at(seq).place != placeEmpty
}
