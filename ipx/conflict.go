package ipx

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"deputy/link"
)

// Numbers and times of RFC 5227, section 1.1.
const (
	probeNum         = 3
	announceNum      = 2
	announceInterval = 2 * time.Second
	defendInterval   = 10 * time.Second
)

// ErrConflict is what a ConflictError is, for errors.Is.
var ErrConflict = errors.New("ipx: address in use")

// ConflictError says who has the address that we wanted.
type ConflictError struct {
	Addr     netip.Addr
	Hardware link.Addr
}

// Error names both addresses.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: %s by %s", ErrConflict, e.Addr, e.Hardware)
}

// Is reports whether target is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// claim is our hold on our address. A new Stack holds it without having asked.
// Probe lets go of it and takes it back when nobody else has it.
type claim struct {
	held     bool
	probes   int // still to be sent
	interval time.Duration
	done     func(now time.Duration, err error) // while probing

	announcements int           // still to be sent
	deadline      time.Duration // of the next probe or announcement
	defendFrom    time.Duration // no defence before
}

// Announce tells everybody by two ARP announcements, now and 2 s later, that
// our address is ours, so that those who knew it from elsewhere forget that
// (RFC 5227, section 2.3). It does nothing while the address is not claimed.
func (s *Stack) Announce(now time.Duration) {
	if !s.claim.held {
		return
	}
	s.claim.announcements = announceNum
	s.claim.deadline = now
	s.advanceClaim(now)
	s.schedule(s.claim.deadline)
}

// Probe asks whether somebody else has our address (RFC 5227, section 2.1):
// three probes, the first now, then one each interval, which must be above 0.
// The RFC has 1 to 2 s at random, for networks whose ports take a while to
// open; on a network that is up a few round trips suffice. Until the answer,
// Send fails and nothing is received but ARP.
//
// done is called once, from Advance or Input: with nil one interval after the
// last probe, when the address is ours and has been announced; or with a
// *ConflictError at once when somebody has it or probes for it too. Then the
// address stays unclaimed until the next Probe. A Probe during another one
// takes its place; the done of the other is not called. Probe before sending
// anything: neighbours that are already being asked for are told our address.
func (s *Stack) Probe(now, interval time.Duration, done func(now time.Duration, err error)) {
	s.claim = claim{probes: probeNum, interval: interval, done: done, deadline: now}
	s.paths.last = nil // so that Send looks whether the address is ours
	s.advanceClaim(now)
	s.schedule(s.claim.deadline)
}

// advanceClaim sends the probe or announcement that is due at now.
func (s *Stack) advanceClaim(now time.Duration) {
	c := &s.claim
	if now < c.deadline {
		return
	}
	switch {
	case c.probes > 0:
		s.probe()
		c.probes--
		c.deadline = now + c.interval
	case c.done != nil:
		done := c.done
		*c = claim{held: true, deadline: Never}
		s.Announce(now)
		done(now, nil)
	case c.announcements > 1:
		s.announce()
		c.announcements--
		c.deadline = now + announceInterval
	default:
		s.announce()
		c.announcements = 0
		c.deadline = Never
	}
}

// conflict takes an ARP packet by which somebody else uses, or probes for, our
// address. While probing we give way. Later we defend the address by an
// announcement, at most one in defendInterval, and never give it up: RFC 5227,
// section 2.4 (c), for hosts whose address others rely on.
func (s *Stack) conflict(now time.Duration, hardware link.Addr) {
	s.stats.AddressConflicts++
	c := &s.claim
	if !c.held {
		if done := c.done; done != nil {
			*c = claim{deadline: Never}
			done(now, &ConflictError{Addr: s.addr, Hardware: hardware})
		}
		return
	}
	if now < c.defendFrom {
		return
	}
	c.defendFrom = now + defendInterval
	s.log.Warn("another host uses our address", "addr", s.addr, "hardware", hardware)
	s.announce()
}
