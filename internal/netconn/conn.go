package netconn

import (
	"net"
	"sync"
	"time"
)

// Conn is a blocking connection over a Core. It implements net.Conn, and the
// events of a core: OnOpen, OnData, OnSpace and OnEnd, which only the core
// calls. Its methods may be used by several goroutines at once; reads are
// served one after the other, and so are writes.
//
// Errors are *net.OpError except io.EOF. A passed deadline wraps
// os.ErrDeadlineExceeded and leaves the connection usable; a closed
// connection wraps net.ErrClosed.
type Conn struct {
	loop Loop
	cfg  Config

	// Set by Attach before the Conn has a user, constant from then on.
	core   Core
	limit  MessageLimiter // nil: messages of any size
	local  Addr
	remote Addr

	// Under the loop's lock.
	opened bool
	closed bool  // Close was called
	end    error // what OnEnd said, nil before
	open   chan struct{}
	read   reader
	write  writer

	readMu  sync.Mutex // one Read at a time
	writeMu sync.Mutex // one Write at a time

	readDeadline  deadline
	writeDeadline deadline
}

var _ net.Conn = (*Conn)(nil)

// New returns a connection without a core, to be given as the events to the
// transport's open call and completed by Attach under the same lock. Dial and
// Listener.Deliver do both.
func New(loop Loop, cfg Config) *Conn {
	c := &Conn{loop: loop, cfg: cfg, open: make(chan struct{})}
	c.read.init(c)
	c.write.init(c)
	c.readDeadline.init()
	c.writeDeadline.init()
	return c
}

// Attach gives the connection its core. It is called under the loop's lock.
func (c *Conn) Attach(core Core) {
	c.core = core
	if c.cfg.Messages {
		c.limit, _ = core.(MessageLimiter)
	}
	c.local = Addr{c.cfg.Network, core.LocalAddr()}
	c.remote = Addr{c.cfg.Network, core.RemoteAddr()}
}

// OnOpen is the core's event: the connection is established.
func (c *Conn) OnOpen(time.Duration) {
	if !c.opened && c.end == nil {
		c.opened = true
		close(c.open)
	}
}

// OnEnd is the core's event: nothing more will be read, and err says why.
func (c *Conn) OnEnd(_ time.Duration, err error) {
	if c.end != nil {
		return
	}
	c.end = err
	if !c.opened {
		close(c.open)
	}
	c.read.wake(err)
	c.write.wake() // to look at Core.Err
}

// Close ends the connection in an orderly way and returns at once: written
// data is still delivered, reads and writes under way fail with
// net.ErrClosed.
func (c *Conn) Close() error {
	err := net.ErrClosed
	c.loop.Do(func(now time.Duration) {
		if c.closed {
			return
		}
		c.closed, err = true, nil
		c.core.Close(now)
		c.read.wake(net.ErrClosed)
		c.write.wake()
	})
	return c.opError("close", err)
}

// CloseWrite ends the sending direction after all written data; the peer
// reads io.EOF, and reading goes on here.
func (c *Conn) CloseWrite() error {
	var err error
	c.loop.Do(func(now time.Duration) {
		if c.closed {
			err = net.ErrClosed
			return
		}
		c.core.CloseWrite(now)
		c.write.wake()
	})
	return c.opError("close", err)
}

// Abort ends the connection at once: the peer gets a reset, and data that was
// written and not yet delivered is lost.
func (c *Conn) Abort() error {
	err := net.ErrClosed
	c.loop.Do(func(now time.Duration) {
		if c.closed {
			return
		}
		c.closed, err = true, nil
		c.core.Abort(now)
		c.read.wake(net.ErrClosed)
		c.write.wake()
	})
	return c.opError("close", err)
}

// LocalAddr returns this end's address, an Addr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's address, an Addr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Core returns the connection below, to be used under the loop's lock only.
func (c *Conn) Core() Core { return c.core }

// SetDeadline sets both deadlines; the zero time means none.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadline(t, &c.readDeadline, &c.writeDeadline)
}

// SetReadDeadline sets the time after which Read fails, those under way
// included.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.readDeadline) }

// SetWriteDeadline sets the time after which Write fails, those under way
// included. A Write that fails may have sent a part.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.writeDeadline) }

func (c *Conn) setDeadline(t time.Time, ds ...*deadline) error {
	var err error
	c.loop.Do(func(time.Duration) {
		if c.closed {
			err = net.ErrClosed
		}
	})
	if err != nil {
		return c.opError("set", err)
	}
	for _, d := range ds {
		d.set(t)
	}
	return nil
}

// opError wraps err as package net does; nil stays nil.
func (c *Conn) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: c.cfg.Network, Source: c.local, Addr: c.remote, Err: err}
}

// Do runs f under the lock of the connection's loop.
func (c *Conn) Do(f func(now time.Duration)) { c.loop.Do(f) }
