package conntest

import (
	"context"
	"errors"
	"net"
	"time"
)

// patience is how long to wait for what must happen; only a failing test does.
const patience = 10 * time.Second

// Pipe connects to a listener: dial is the one end, what the listener accepts
// the other. stop closes both; the listener stays. As a closure it is a
// nettest.MakePipe:
//
//	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
//		return conntest.Pipe(l, dial)
//	})
func Pipe(l net.Listener, dial func(ctx context.Context) (net.Conn, error)) (c1, c2 net.Conn, stop func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	type accepted struct {
		c   net.Conn
		err error
	}
	end := make(chan accepted, 1)
	go func() {
		c, err := l.Accept()
		end <- accepted{c, err}
	}()
	if c1, err = dial(ctx); err != nil {
		return nil, nil, nil, errors.Join(err, l.Close()) // which ends the Accept
	}
	select {
	case a := <-end:
		if c2, err = a.c, a.err; err != nil {
			return nil, nil, nil, errors.Join(err, c1.Close())
		}
	case <-ctx.Done():
		return nil, nil, nil, errors.Join(ctx.Err(), c1.Close(), l.Close())
	}
	return c1, c2, func() {
		_ = c1.Close() // the test may have closed them
		_ = c2.Close()
	}, nil
}
