package netconn

import (
	"io"
	"net"
	"os"
	"time"
)

// reader is the Read under way. The call leaves its buffer here, and OnData
// fills it: during begin, from what the core has buffered, as often as there
// is room; after that, while the caller sleeps, once.
type reader struct {
	c      *Conn
	begin  func(time.Duration) // bound once, so that Read allocates nothing
	cancel func(time.Duration)

	// Set by Read under readMu, then used under the loop's lock until done.
	buf    []byte
	n      int
	err    error
	done   bool          // n and err are Read's result
	filled bool          // something was delivered, if only an empty message
	parked bool          // the caller sleeps on signal
	signal chan struct{} // capacity 1
}

func (r *reader) init(c *Conn) {
	r.c = c
	r.done = true
	r.signal = make(chan struct{}, 1)
	r.begin, r.cancel = r.doBegin, r.doCancel
}

// Read waits for data and returns what there is, up to len(b) bytes. io.EOF
// means that the peer closed its direction.
func (c *Conn) Read(b []byte) (int, error) {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	if c.readDeadline.passed() {
		return 0, c.opError("read", os.ErrDeadlineExceeded)
	}
	r := &c.read
	r.buf = b
	c.loop.Do(r.begin)
	if r.parked {
		select {
		case <-r.signal:
		case <-c.readDeadline.wait():
			c.loop.Do(r.cancel)
		}
		r.parked = false
	}
	r.buf = nil
	if r.err == io.EOF {
		return r.n, io.EOF
	}
	return r.n, c.opError("read", r.err)
}

// doBegin takes what is buffered, or parks the caller.
func (r *reader) doBegin(now time.Duration) {
	c := r.c
	r.n, r.err, r.done, r.filled = 0, nil, false, false
	if c.closed {
		r.done, r.err = true, net.ErrClosed
		return
	}
	if len(r.buf) == 0 {
		r.done = true
		return
	}
	c.core.Resume(now)
	switch {
	case r.done: // by OnEnd, from within Resume
	case r.filled:
		r.done = true
	case c.end != nil:
		r.done, r.err = true, c.end
	default:
		r.parked = true
	}
}

// doCancel ends a Read whose deadline passed. What was delivered meanwhile is
// its result; else the deadline is.
func (r *reader) doCancel(time.Duration) {
	if r.done {
		<-r.signal
		return
	}
	r.done, r.err = true, os.ErrDeadlineExceeded
}

// OnData is the core's event: data in sequence. It returns how many bytes the
// waiting Read took, 0 without one.
func (c *Conn) OnData(_ time.Duration, data []byte) int {
	r := &c.read
	if c.closed {
		return len(data) // nobody will read it
	}
	if r.done || r.n == len(r.buf) || (c.cfg.Messages && r.filled) {
		return 0
	}
	n := copy(r.buf[r.n:], data)
	r.n += n
	r.filled = true
	if c.cfg.Messages && n < len(data) {
		r.err = io.ErrShortBuffer
		n = len(data) // the rest of the message is lost, as with SOCK_SEQPACKET
	}
	if r.parked {
		r.done = true
		r.signal <- struct{}{}
	}
	return n
}

// wake ends the Read under way with what it has, or err. It runs under the
// loop's lock.
func (r *reader) wake(err error) {
	if r.done {
		return
	}
	r.done = true
	if !r.filled {
		r.err = err
	}
	if r.parked {
		r.signal <- struct{}{}
	}
}
