package tcpmod

import "time"

// keepalive finds out whether the peer of an idle connection still lives
// (RFC 9293, section 3.8.4; thesis, section 3.2.3).
type keepalive struct {
	off            bool
	idle, interval time.Duration
	limit          int

	heard    time.Duration // when a segment of the peer was last accepted
	probes   int           // sent since then
	deadline time.Duration
}

func (k *keepalive) init(o *Options) {
	k.off = o.NoKeepalive
	k.idle, k.interval, k.limit = o.KeepaliveIdle, o.KeepaliveInterval, o.KeepaliveProbes
	k.deadline = Never
}

// start begins to watch.
func (k *keepalive) start(now time.Duration) {
	k.heard = now
	if !k.off {
		k.deadline = now + k.idle
	}
}

// expire is called when the deadline has passed. It sets the next one, and
// says whether to probe now, or that the peer is dead.
func (k *keepalive) expire(now time.Duration) (probe, dead bool) {
	if due := k.heard + k.idle; due > now {
		k.probes, k.deadline = 0, due
		return false, false
	}
	if k.probes >= k.limit {
		return false, true
	}
	k.probes++
	k.deadline = now + k.interval
	return true, false
}
