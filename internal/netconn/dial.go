package netconn

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// Dial opens a connection and waits until it is established, fails, or ctx is
// done. start makes the core with c as its events; it runs under the loop's
// lock. Errors are *net.OpError; a ctx whose deadline passed is reported as a
// timeout.
func Dial(ctx context.Context, loop Loop, cfg Config, start func(now time.Duration, c *Conn) (Core, error)) (*Conn, error) {
	c := New(loop, cfg)
	if err := ctx.Err(); err != nil {
		return nil, c.dialError(err)
	}
	var err error
	loop.Do(func(now time.Duration) {
		var core Core
		if core, err = start(now, c); err == nil {
			c.Attach(core)
		}
	})
	if err != nil {
		return nil, c.dialError(err)
	}
	select {
	case <-c.open:
	case <-ctx.Done():
		err = ctx.Err()
	}
	loop.Do(func(now time.Duration) {
		switch {
		case err != nil:
			c.closed = true
			c.core.Abort(now)
		case !c.opened:
			err = c.end
		}
	})
	if err != nil {
		return nil, c.dialError(err)
	}
	return c, nil
}

func (c *Conn) dialError(err error) error {
	if err == context.DeadlineExceeded {
		err = os.ErrDeadlineExceeded
	}
	oe := &net.OpError{Op: "dial", Net: c.cfg.Network, Err: err}
	if c.core != nil {
		oe.Source, oe.Addr = c.local, c.remote
	}
	return oe
}

// DialAddress reads an address as netip.ParseAddrPort takes it, and dials it.
func DialAddress[C net.Conn](ctx context.Context, cfg Config, address string, dial func(context.Context, netip.AddrPort) (C, error)) (net.Conn, error) {
	remote, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: cfg.Network, Err: fmt.Errorf("address: %w", err)}
	}
	c, err := dial(ctx, remote)
	if err != nil {
		return nil, err // not c, a nil pointer
	}
	return c, nil
}
