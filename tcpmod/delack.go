package tcpmod

import "time"

// ackEvery is how many full-sized segments one ACK covers (RFC 9293, section
// 3.8.6.3). In a stream of bulk it is streamAckEvery: an ACK is a system call at
// either end and costs as much as the segment, and a sender in full flow needs
// them less often. A stream is streamAfter full segments in a row of which none
// was missing, came twice, or was left waiting for its ACK, as by a sender whose
// window holds less than streamAckEvery.
const (
	ackEvery       = 2
	streamAckEvery = 8
	streamAfter    = 64
)

// delayedAck decides when received segments are acknowledged. An ACK that is
// held rides on the next segment with data, is sent by Flush when the loop is
// about to wait, or when the timer expires: whichever is first. So a reply
// acknowledges its request, and the next request the reply.
type delayedAck struct {
	held     bool // an ACK is owed
	now      bool // and it must not wait
	full     int  // full-sized segments since the last ACK
	streak   int  // full-sized segments of the stream
	deadline time.Duration
	listed   bool // the connection is in the endpoint's list of held ACKs
}

func (d *delayedAck) init() { d.deadline = Never }

// data counts a segment with n bytes in sequence.
func (d *delayedAck) data(n, mss int) {
	d.held = true
	if n < mss {
		return
	}
	every := ackEvery
	if d.streak++; d.streak > streamAfter {
		every = streamAckEvery
	}
	d.full++
	d.now = d.now || d.full >= every
}

// urgent asks for an ACK at once.
func (d *delayedAck) urgent() { d.held, d.now, d.streak = true, true, 0 }

// waited notes that the ACK was held until now, and so perhaps the sender.
func (d *delayedAck) waited() { d.streak = 0 }

// sent notes that a segment with ACK was sent.
func (d *delayedAck) sent() {
	d.held, d.now, d.full, d.deadline = false, false, 0, Never
}
