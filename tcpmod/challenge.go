package tcpmod

import "time"

// Of the answers to segments that are out of place, so many are sent at once
// and one more per interval after that, for each connection. They serve
// attackers (RFC 5961, section 7) and could keep two confused ends answering
// each other for ever; keepalive and window probes, which need their answer,
// come more slowly.
const (
	challengeBurst    = 16
	challengeInterval = 50 * time.Millisecond
)

// challengeLimit is a token bucket.
type challengeLimit struct {
	tokens int
	filled time.Duration
}

func (l *challengeLimit) init(now time.Duration) {
	l.tokens, l.filled = challengeBurst, now
}

// allow takes a token if there is one.
func (l *challengeLimit) allow(now time.Duration) bool {
	if n := (now - l.filled) / challengeInterval; n > 0 {
		l.tokens = int(min(challengeBurst, time.Duration(l.tokens)+n))
		l.filled += n * challengeInterval
	}
	if l.tokens == 0 {
		return false
	}
	l.tokens--
	return true
}
