package tcpmod

import (
	"encoding/binary"
	"time"
)

// tsTick is the period of the clock in timestamps: the shortest that RFC 7323,
// section 5.4, allows. A finer one would say more of round trips, but its sign
// bit would turn over within the silence of an idle connection, whose next
// segment the peer would then drop as old. Round trips are measured by the
// scoreboard instead, to the nanosecond.
const tsTick = time.Millisecond

// tsValid is the age at which TS.Recent says nothing any more (RFC 7323,
// section 5.5).
const tsValid = 24 * 24 * time.Hour

// tsLen is the length of the option with the two no-operations that align it.
const tsLen = 12

// timestamps is the Timestamps option of a connection (RFC 7323, section 3).
type timestamps struct {
	ok       bool   // both ends send it
	offset   uint32 // of our clock
	recent   uint32 // TS.Recent
	recentAt time.Duration
	lastAck  seqNum // Last.ACK.sent
}

// tick returns our clock's reading at t.
func (ts *timestamps) tick(t time.Duration) uint32 { return ts.offset + uint32(t/tsTick) }

// put writes the values of the option, whose frame is in place.
func (ts *timestamps) put(b []byte, now time.Duration) {
	binary.BigEndian.PutUint32(b[4:], ts.tick(now))
	binary.BigEndian.PutUint32(b[8:], ts.recent)
}

// old reports whether a segment is an old duplicate by its timestamp (PAWS,
// section 5.3). A segment without the option is let pass: the sequence number
// still protects against all but the improbable, and to drop it would hang a
// handshake with a peer that leaves the option off there.
func (ts *timestamps) old(now time.Duration, s *segment) bool {
	return s.hasTS && int32(s.tsValue-ts.recent) < 0 && now-ts.recentAt < tsValid
}

// update keeps the timestamp to echo (section 4.3): of the segment that the
// last ACK sent was waiting for.
func (ts *timestamps) update(now time.Duration, s *segment) {
	if s.hasTS && int32(s.tsValue-ts.recent) >= 0 && s.seq.leq(ts.lastAck) {
		ts.recent, ts.recentAt = s.tsValue, now
	}
}

// sample returns the round trip that an echo tells, in whole ticks and at
// least one; 0 if the echo is none of ours.
func (ts *timestamps) sample(now time.Duration, echo uint32) time.Duration {
	ticks := int32(ts.tick(now) - echo)
	if ticks < 0 || time.Duration(ticks)*tsTick > now {
		return 0
	}
	return time.Duration(max(ticks, 1)) * tsTick
}
