package sim

import (
	"deputy/rdp"
	"deputy/tcpmod"
)

// audit checks of all pairs of parties that what one end has seen acknowledged has arrived at the other.
func (w *world) audit() {
	for _, p := range w.parties {
		if q := p.peer; q != nil && q.peer == p && p.live() && q.live() {
			p.auditAcknowledged(q)
		}
	}
}

// live reports whether the connection goes on, as far as the party knows.
func (p *party) live() bool { return !p.ended && !p.crashed && !p.disturbed && !p.closed && p.opened }

// auditAcknowledged compares what p has seen acknowledged with what q's side has.
func (p *party) auditAcknowledged(q *party) {
	switch {
	case p.tcb != nil:
		if p.tcb.State() == tcpmod.Closed || q.tcb.State() == tcpmod.Closed {
			return
		}
		acked, has := p.sent-p.tcb.Info().Unacked, q.got+q.tcb.Info().Unread
		if acked > has {
			p.fail("%d bytes are acknowledged, the peer has %d", acked, has)
		}
	case p.flow.transport == overRDPMessages:
		if p.record.State() != rdp.StateOpen || q.record.State() != rdp.StateOpen {
			return
		}
		i := p.record.Info()
		acked, has := p.messagesSent-i.Unacked-i.Queued, q.messagesGot+q.record.Info().Unread
		if acked > has {
			p.fail("%d messages are acknowledged, the peer has %d", acked, has)
		}
	}
}

// verdict checks, at the end, what became of each connection, and that nothing is left of them.
func (w *world) verdict() {
	for _, p := range w.parties {
		if reason := p.wrong(); reason != "" {
			p.fail("%s", reason)
		}
	}
	for _, n := range w.nodes {
		if reason := n.empty(); reason != "" {
			w.fail("node %d is not empty: %s", n.index, reason)
		}
	}
}

// wrong returns what is wrong with how the party ended, "" if nothing is. Where the plan, a crash or the network are
// an excuse, only what was received counts, and that was checked as it came.
func (p *party) wrong() string {
	switch {
	case p.crashed:
		return ""
	case !p.ended:
		return "was left for ever"
	case p.disturbed || p.flow.rough():
		return ""
	case !p.opened || p.peer == nil:
		if p.world.impaired {
			return "" // not opened on both sides
		}
		return "could not be opened"
	case !p.complete():
		return "is not complete"
	case !p.orderly() && !(p.world.interrupted && p.record != nil):
		// An rdp that says its good bye while the link is down is not heard.
		return "ended in disorder"
	}
	p.world.good++
	return ""
}
