package engine

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"deputy/link"
)

// Watch calls ready on the loop whenever fd is readable (level-triggered: ready must read it empty, or
// Unwatch it). Call it within Do or from something that the loop runs.
func (l *Loop) Watch(fd int, ready func(now time.Duration)) error {
	if err := l.register(fd); err != nil {
		return err
	}
	l.watches[int32(fd)] = ready
	return nil
}

// Unwatch ends a Watch; call it before the descriptor is closed.
func (l *Loop) Unwatch(fd int) {
	if _, ok := l.watches[int32(fd)]; !ok {
		return
	}
	delete(l.watches, int32(fd))
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil) // a dead descriptor has left the set by itself
}

func (l *Loop) register(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("engine: watch descriptor %d: %w", fd, err)
	}
	return nil
}

// park waits until a descriptor is ready or the deadline has come, and runs what is ready.
func (l *Loop) park(deadline time.Duration) error {
	timeout := time.Duration(-1)
	if deadline != Never {
		timeout = max(deadline-l.Now(), 0)
	}
	n, err := epollWait(l.epoll, l.ready[:], timeout)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatch(n)
	return nil
}

// look runs what is ready now, under the lock. It reports whether anything was.
func (l *Loop) look(timeout time.Duration) (bool, error) {
	n, err := epollWait(l.epoll, l.ready[:], timeout)
	if err != nil {
		return false, err
	}
	return l.dispatch(n), nil
}

func (l *Loop) dispatch(n int) bool {
	now := l.Now()
	done := false
	for _, ev := range l.ready[:n] {
		if ev.Fd == int32(l.kick) {
			var b [8]byte
			_, _ = unix.Read(l.kick, b[:])
			l.runSubmitted(now)
			l.woken, done = true, true
			continue
		}
		if ready := l.watches[ev.Fd]; ready != nil { // frames are the turn's
			ready(now)
			done = true
		}
		if ev.Events&unix.EPOLLERR != 0 {
			l.takeError(int(ev.Fd))
		}
	}
	return done
}

// takeError takes a pending error off a device, which would wake the loop until it is taken: its interface went down. The
// device works again when the interface does.
func (l *Loop) takeError(fd int) {
	for p := l.port; p != nil; p = p.next {
		if r, ok := p.dev.(link.ErrorReporter); ok && p.dev.FD() == fd {
			if err := r.Err(); err != nil {
				l.log.Warn("network device", "address", p.ip.Addr(), "error", err)
			}
		}
	}
}

// Poller looks at memory that another thread writes, at every turn, for as long as it is set.
type Poller struct {
	loop  *Loop
	check func(now time.Duration) bool
}

// NewPoller makes a poller that is not looked at yet; check reports whether it found something.
func (l *Loop) NewPoller(check func(now time.Duration) bool) *Poller {
	return &Poller{loop: l, check: check}
}

// Set starts or stops looking.
func (p *Poller) Set(on bool) {
	if on {
		p.loop.pollers[p] = struct{}{}
	} else {
		delete(p.loop.pollers, p)
	}
}
