// Package netconn is the blocking face of the transports: a net.Conn and a
// net.Listener over a connection core that never blocks, has no lock and
// reads no clock (tcpmod.TCB, rdp.Record).
//
// Whoever calls Read or Write here runs on a goroutine of its own, the core
// on the loop that owns it. They meet in Loop.Do, which runs a function under
// the lock of the loop; a call that cannot be satisfied at once leaves its
// buffer with the connection and sleeps on a channel until an event of the
// core, a deadline or Close wakes it. Received data that finds a reader
// waiting is copied once, from the received segment into the reader's buffer.
// Without a reader it stays in the core, whose window then shrinks: there is
// no second receive buffer here, and no second send buffer.
//
// A transport makes its own types of these:
//
//	// dialing
//	conn, err := netconn.Dial(ctx, loop, netconn.Config{Network: "tcpmod"},
//		func(now time.Duration, c *netconn.Conn) (netconn.Core, error) {
//			return endpoint.Dial(now, remote, options, c) // c is the Events
//		})
//
//	// listening
//	l := netconn.NewListener(loop, cfg, local, func(now time.Duration) { endpoint.Unlisten(port) })
//	loop.Do(func(now time.Duration) {
//		err = endpoint.Listen(port, options, func(now time.Duration, c *TCB) Events {
//			if conn := l.Deliver(c); conn != nil {
//				return conn
//			}
//			return nil // the queue is full or the listener closed: refuse
//		})
//	})
//
// Beware of the nil *Conn in a non-nil interface in that last function.
package netconn
