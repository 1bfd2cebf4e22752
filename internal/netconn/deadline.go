package netconn

import (
	"sync"
	"time"
)

// deadline is a point in time that can be waited for and moved meanwhile. Its
// channel is closed while the point has passed.
type deadline struct {
	mu    sync.Mutex
	at    time.Time     // zero: none
	timer *time.Timer   // nil: no timer runs
	gone  chan struct{} // replaced when a passed deadline is moved
}

func (d *deadline) init() { d.gone = make(chan struct{}) }

// set moves the deadline to t; the zero time means none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		// One that fires at this moment finds that it is not d.timer any more.
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	wait := time.Until(t)
	if !t.IsZero() && wait <= 0 {
		d.expire()
		return
	}
	if d.isGone() {
		d.gone = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.timer == timer {
			d.timer = nil
			d.expire()
		}
	})
	d.timer = timer
}

func (d *deadline) expire() {
	if !d.isGone() {
		close(d.gone)
	}
}

func (d *deadline) isGone() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}

// wait returns a channel that is closed when the deadline passes.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone
}

// passed reports whether the deadline has passed, be its timer on time or not.
func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.at.IsZero() && !time.Now().Before(d.at) {
		d.expire()
	}
	return d.isGone()
}
