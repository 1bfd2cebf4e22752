package netconn

import (
	"net"
	"os"
	"syscall"
	"time"
)

// writer is the Write under way.
type writer struct {
	c   *Conn
	try func(time.Duration) // bound once, so that Write allocates nothing

	// Set by Write under writeMu, used under the loop's lock during try.
	buf  []byte
	took int
	err  error

	signal chan struct{} // capacity 1: worth another try
}

func (w *writer) init(c *Conn) {
	w.c = c
	w.signal = make(chan struct{}, 1)
	w.try = w.doTry
}

// Write returns when the core has taken all of b, or with the number of bytes
// that it took and an error. Taken is not delivered.
func (c *Conn) Write(b []byte) (int, error) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	w := &c.write
	n := 0
	for {
		if c.writeDeadline.passed() {
			return n, c.opError("write", os.ErrDeadlineExceeded)
		}
		w.buf = b[n:]
		c.loop.Do(w.try)
		w.buf = nil
		n += w.took
		if w.err != nil || n == len(b) {
			return n, c.opError("write", w.err)
		}
		select {
		case <-w.signal:
		case <-c.writeDeadline.wait():
		}
	}
}

// doTry gives the core what is left.
func (w *writer) doTry(now time.Duration) {
	c := w.c
	w.took, w.err = 0, nil
	select {
	case <-w.signal: // of an earlier Write
	default:
	}
	if c.closed {
		w.err = net.ErrClosed
		return
	}
	if w.err = c.core.Err(); w.err != nil {
		return
	}
	if c.limit != nil && len(w.buf) > c.limit.MaxMessage() {
		w.err = syscall.EMSGSIZE
		return
	}
	if len(w.buf) == 0 {
		return
	}
	w.took = c.core.Write(now, w.buf)
	if w.took < len(w.buf) {
		w.err = c.core.Err()
	}
}

// OnSpace is the core's event: there is room in the send buffer again, or the
// connection ended.
func (c *Conn) OnSpace(time.Duration) { c.write.wake() }

// wake lets the Write under way try again.
func (w *writer) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}
