package netconn

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Backlog is the number of established connections that wait for Accept;
// Deliver refuses more.
const Backlog = 128

// Listener hands out the connections that a transport delivers. It implements
// net.Listener.
type Listener struct {
	loop     Loop
	cfg      Config
	addr     Addr
	unlisten func(now time.Duration)

	queue    chan *Conn
	closed   chan struct{}
	once     sync.Once
	deadline deadline
}

var _ net.Listener = (*Listener)(nil)

// NewListener returns a listener at addr. unlisten ends the listening of the
// transport; it is called once, by Close, under the loop's lock.
func NewListener(loop Loop, cfg Config, addr netip.AddrPort, unlisten func(now time.Duration)) *Listener {
	l := &Listener{
		loop: loop, cfg: cfg, addr: Addr{cfg.Network, addr}, unlisten: unlisten,
		queue: make(chan *Conn, Backlog), closed: make(chan struct{}),
	}
	l.deadline.init()
	return l
}

// Deliver makes a connection of an established core and queues it for Accept.
// It returns the events for the core, or nil if the queue is full or the
// listener closed. The transport calls it under the loop's lock.
func (l *Listener) Deliver(core Core) *Conn {
	select {
	case <-l.closed:
		return nil
	default:
	}
	c := New(l.loop, l.cfg)
	c.Attach(core)
	select {
	case l.queue <- c:
		return c
	default:
		return nil
	}
}

// Accept waits for the next connection, a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn is Accept for those who want the Conn itself.
func (l *Listener) AcceptConn() (*Conn, error) {
	var err error
	select {
	case <-l.closed:
		err = net.ErrClosed
	default:
		select {
		case c := <-l.queue:
			return c, nil
		case <-l.closed:
			err = net.ErrClosed
		case <-l.deadline.wait():
			err = os.ErrDeadlineExceeded
		}
	}
	return nil, &net.OpError{Op: "accept", Net: l.cfg.Network, Addr: l.addr, Err: err}
}

// SetDeadline sets the time after which Accept fails; the zero time means none.
func (l *Listener) SetDeadline(t time.Time) error {
	l.deadline.set(t)
	return nil
}

// Close ends the listening. Connections that nobody accepted are reset.
func (l *Listener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		err = nil
		l.loop.Do(func(now time.Duration) {
			close(l.closed)
			l.unlisten(now)
		})
		for {
			select {
			case c := <-l.queue:
				c.Abort()
			default:
				return
			}
		}
	})
	if err != nil {
		return &net.OpError{Op: "close", Net: l.cfg.Network, Addr: l.addr, Err: err}
	}
	return nil
}

// Addr returns the address listened at, an Addr.
func (l *Listener) Addr() net.Addr { return l.addr }
