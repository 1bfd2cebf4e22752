package tcpmod

import (
	"io"
	"time"
)

// Write takes what the send buffer has room for, copies it, sends at once
// what the windows allow, and returns how many bytes it took. If it took less
// than given, OnSpace follows when there is room again. It takes nothing
// after CloseWrite, Close or the end of the connection: Err tells.
func (c *TCB) Write(now time.Duration, p []byte) int {
	if c.Err() != nil {
		return 0
	}
	n := c.out.append(p)
	c.output(now)
	return n
}

// Err returns why nothing more can be written: ErrClosed after CloseWrite or
// Close, the reason after the connection's end, nil before.
func (c *TCB) Err() error {
	switch {
	case c.err != nil:
		return c.err
	case c.finQueued || c.state == Closed:
		return ErrClosed
	}
	return nil
}

// Resume offers what is buffered to OnData, before it returns.
func (c *TCB) Resume(now time.Duration) {
	if c.delivering || c.ev == nil || c.detached {
		return
	}
	c.drain(now)
	c.closeNow(now)
	if c.state.receives() && c.rcv.worthUpdate(c.in.head) {
		c.sendAck(now)
	}
}

// CloseWrite ends the sending direction after all that was written (RFC
// 9293, section 3.10.4). The peer may go on sending.
func (c *TCB) CloseWrite(now time.Duration) {
	if c.finQueued || c.state == Closed {
		return
	}
	c.finQueued = true
	switch c.state {
	case Established:
		c.setState(now, FinWait1)
	case CloseWait:
		c.setState(now, LastAck)
	}
	c.output(now)
}

// Close ends both directions: what was written is still delivered, but the
// user reads no more. Received data that was not taken, or that comes later,
// is lost, which a reset tells the peer (RFC 9293, section 3.6.1, SHLD-3).
// OnEnd still tells when the peer has closed too, or what went wrong.
func (c *TCB) Close(now time.Duration) {
	switch {
	case c.state == Closed || c.detached:
		return
	case c.delivering:
		c.closeLater = true // what is being delivered may yet be taken
		return
	case c.state == SynSent:
		c.Abort(now)
		return
	case c.unread() > 0:
		c.reset(now)
		c.end(now, ErrAborted)
		return
	}
	c.detached = true
	c.CloseWrite(now)
	if c.state == FinWait2 {
		c.setState(now, FinWait2) // closed by half before: now the clock runs
	}
}

// closeNow is the Close that was called from within OnData.
func (c *TCB) closeNow(now time.Duration) {
	if c.closeLater {
		c.closeLater = false
		c.Close(now)
	}
}

// Abort ends the connection at once with a reset. No event follows.
func (c *TCB) Abort(now time.Duration) {
	if c.state == Closed {
		return
	}
	c.ev = nil
	c.reset(now)
	c.end(now, ErrAborted)
}

// reset sends a reset, if the peer knows of the connection.
func (c *TCB) reset(now time.Duration) {
	switch c.state {
	case SynSent, TimeWait, Closed:
		return
	}
	c.e.stats.ResetsOut++
	c.send(now, c.snd.nxt, RST|ACK, 0, 0)
}

// drain gives the user what is buffered, and then the end.
func (c *TCB) drain(now time.Duration) {
	for n := c.unread(); n > 0; n = c.unread() {
		v := c.in.view(n)
		taken := c.offer(now, v)
		c.in.take(taken)
		if taken < len(v) {
			return
		}
		if c.ev == nil {
			return // aborted by the user
		}
	}
	if len(c.in.ranges) == 0 {
		c.in.free()
	}
	if c.rcv.fin && c.ev != nil {
		c.ended(now, io.EOF)
	}
}

// offer calls OnData.
func (c *TCB) offer(now time.Duration, data []byte) int {
	c.delivering = true
	n := min(max(c.ev.OnData(now, data), 0), len(data))
	c.delivering = false
	c.bytesIn += uint64(n)
	return n
}
