package ipx

import "time"

// limiter lets through burst events at once, and one each interval in the long
// run (the virtual scheduling algorithm of ITU-T I.371).
type limiter struct {
	interval time.Duration
	burst    time.Duration // in multiples of interval
	next     time.Duration // when an event would come in an even stream
}

// newLimiter returns one of burst events, then one each interval.
func newLimiter(burst int, interval time.Duration) limiter {
	return limiter{interval: interval, burst: time.Duration(burst-1) * interval}
}

// allow reports whether an event at now may happen.
func (l *limiter) allow(now time.Duration) bool {
	next := max(l.next, now)
	if next-now > l.burst {
		return false
	}
	l.next = next + l.interval
	return true
}
