package deputy

import (
	"time"
)

// call is a system call that the stub is making.
type call struct {
	then   func(now time.Duration, ret int64)
	since  time.Duration
	parked bool // the agent does not look; the stub rings
}

// lookFor is how long the loop looks for the return of a call before the stub has to ring: longer than most
// calls take that do not block, shorter than what a ring costs (two wake-ups, some 20 µs).
const lookFor = 50 * time.Microsecond

// start has the stub make a call and tells then what it returned.
func (d *Deputy) start(now time.Duration, number uint64, args [6]uint64, then func(now time.Duration, ret int64)) {
	d.running = call{then: then, since: now}
	d.memory.Start(number, args)
	d.poller.Set(true)
}

// look is the loop's poller: whether the call has returned.
func (d *Deputy) look(now time.Duration) bool {
	if d.memory.Done() {
		d.poller.Set(false)
		d.returned(now)
		return true
	}
	if now-d.running.since > lookFor && d.memory.Park() {
		d.running.parked = true
		d.poller.Set(false)
	}
	return false
}

// returned passes on what the call returned.
func (d *Deputy) returned(now time.Duration) {
	then := d.running.then
	d.running = call{}
	then(now, d.memory.Result())
}

// chain makes calls one after the other, whatever they return, and then goes on.
func (d *Deputy) chain(now time.Duration, calls []plainCall, then func(now time.Duration)) {
	if len(calls) == 0 {
		then(now)
		return
	}
	d.start(now, calls[0].number, calls[0].args, func(now time.Duration, _ int64) { d.chain(now, calls[1:], then) })
}

// plainCall is a call whose arguments are the deputy's own.
type plainCall struct {
	number uint64
	args   [6]uint64
}

// staged returns the address at which the deputy sees an offset of staging.
func (d *Deputy) staged(offset uint64) uint64 { return d.memory.StagingBase() + offset }
