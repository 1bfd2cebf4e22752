package rdp

import "time"

// keepAliveAt is when an idle connection must be verified (RFC 908, section 3.2.6): nothing was heard for the
// keepalive time, and no segment is outstanding, whose retransmission would ask the same question.
func (r *Record) keepAliveAt() time.Duration {
	if r.options.KeepAlive < 0 || r.sndUna != r.sndEnd {
		return Never
	}
	return r.heard + r.options.KeepAlive
}

// askAlive sends a NUL with the next sequence number. It is acknowledged and retransmitted like data, so a dead peer
// ends the connection by the retry limit.
func (r *Record) askAlive(now time.Duration) {
	r.info.KeepAlives++
	r.enqueue(kindNUL, nil)
	r.pump(now)
}
