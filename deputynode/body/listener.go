package body

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

// listener is where the calls wait that a filter does not allow. A child has the filter of its parent, and so its
// listener.
type listener struct {
	guest  *Guest
	fd     int
	bodies int
}

// listen watches the listener of a body's fresh filter.
func (g *Guest) listen(fd int) (*listener, error) {
	l := &listener{guest: g, fd: fd, bodies: 1}
	if err := g.loop.Watch(fd, l.ready); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return l, nil
}

// ready is the loop's event that a call waits.
func (l *listener) ready(now time.Duration) {
	var n sys.Notification
	err := sys.NotificationReceive(l.fd, &n)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) { // the caller was interrupted; it comes again
		return
	}
	if err != nil {
		for b := range l.guest.bodies {
			if b.listener == l {
				b.fail(now, err)
			}
		}
		return
	}
	if b := l.guest.tracees[int(n.PID)]; b != nil { // else it was killed meanwhile
		b.trapped(now, &n)
	}
}

// release closes the listener with its last body.
func (l *listener) release() {
	if l == nil {
		return
	}
	if l.bodies--; l.bodies == 0 {
		l.guest.loop.Unwatch(l.fd)
		_ = unix.Close(l.fd)
	}
}
