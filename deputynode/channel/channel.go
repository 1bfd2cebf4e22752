// Package channel carries the messages of the intraprocess protocol over a connection of a transport: it
// cuts the stream into messages and queues what the transport does not take at once.
package channel

import (
	"errors"
	"fmt"
	"io"
	"time"

	"deputy/wireproto"
)

// Conn is what a channel needs of a transport's connection; tcpmod.TCB and rdp.Record are such.
type Conn interface {
	Write(now time.Duration, p []byte) int // takes what it has room for
	Close(now time.Duration)               // orderly, after all that was written
	Abort(now time.Duration)
}

// Handler is the user of a channel.
type Handler interface {
	// Open says that the other side has been reached.
	Open(now time.Duration)
	// Message handles one whole message, header on, valid during the call. An error ends the channel.
	Message(now time.Duration, m []byte) error
	// Closed is the last event: why the channel ended; nil after an orderly close by the other side.
	Closed(now time.Duration, err error)
}

// Stats counts messages and their bytes, headers of the layers below not included.
type Stats struct {
	SentMessages, SentBytes, ReceivedMessages, ReceivedBytes uint64
}

// Add adds up what two channels counted.
func (s *Stats) Add(o Stats) {
	s.SentMessages += o.SentMessages
	s.SentBytes += o.SentBytes
	s.ReceivedMessages += o.ReceivedMessages
	s.ReceivedBytes += o.ReceivedBytes
}

// Channel is one side of a channel. It is driven by its connection's events, and has no lock of its own.
type Channel struct {
	conn    Conn
	handler Handler
	partial []byte // the beginning of a message whose end has not come
	queue   []byte // what the connection had no room for
	ended   bool
	closing bool // close once the queue is empty
	stats   Stats
}

// New makes a channel for a handler; Attach gives it its connection.
func New(h Handler) *Channel { return &Channel{handler: h} }

// Attach sets the connection whose events the channel gets.
func (c *Channel) Attach(conn Conn) { c.conn = conn }

// Stats returns what was sent and received so far.
func (c *Channel) Stats() Stats { return c.stats }

// Send sends one message. The slice is the caller's again afterwards.
func (c *Channel) Send(now time.Duration, m []byte) {
	if c.ended || c.closing {
		return
	}
	c.stats.SentMessages++
	c.stats.SentBytes += uint64(len(m))
	if len(c.queue) == 0 {
		m = m[c.conn.Write(now, m):]
	}
	c.queue = append(c.queue, m...)
}

// Close ends the channel after all that was sent. No event follows.
func (c *Channel) Close(now time.Duration) {
	if c.ended {
		return
	}
	c.closing = true
	if len(c.queue) == 0 {
		c.ended = true
		c.conn.Close(now)
	}
}

// Abort ends the channel at once. No event follows.
func (c *Channel) Abort(now time.Duration) {
	if !c.ended {
		c.ended = true
		c.conn.Abort(now)
	}
}

// OnOpen is the transport's event.
func (c *Channel) OnOpen(now time.Duration) { c.handler.Open(now) }

// OnSpace is the transport's event: the queue goes on.
func (c *Channel) OnSpace(now time.Duration) {
	if len(c.queue) == 0 || c.ended {
		return
	}
	n := c.conn.Write(now, c.queue)
	c.queue = c.queue[n:]
	if len(c.queue) == 0 {
		c.queue = nil
		if c.closing {
			c.Close(now)
		}
	}
}

// OnData is the transport's event: whole messages are handled in place.
func (c *Channel) OnData(now time.Duration, data []byte) int {
	taken := len(data)
	if len(c.partial) > 0 {
		data = c.complete(now, data)
	}
	for !c.ended && len(data) >= wireproto.HeaderLen {
		size, err := wireproto.Size(data)
		if err != nil {
			c.fail(now, err)
			break
		}
		if size > len(data) {
			if cap(c.partial) == 0 {
				c.partial = make([]byte, 0, min(size, keepBuffer))
			}
			break
		}
		c.handle(now, data[:size:size])
		data = data[size:]
	}
	if !c.ended {
		c.partial = append(c.partial, data...)
	}
	return taken
}

// complete adds data to the message that has begun, handles it if that completes it, and returns the rest.
func (c *Channel) complete(now time.Duration, data []byte) []byte {
	if missing := wireproto.HeaderLen - len(c.partial); missing > 0 {
		n := min(missing, len(data))
		c.partial = append(c.partial, data[:n]...)
		data = data[n:]
		if len(c.partial) < wireproto.HeaderLen {
			return nil
		}
	}
	size, err := wireproto.Size(c.partial)
	if err != nil {
		c.fail(now, err)
		return nil
	}
	n := min(size-len(c.partial), len(data))
	c.partial = append(c.partial, data[:n]...)
	if len(c.partial) == size {
		message := c.partial
		c.partial = nil // the handler may cause further events
		c.handle(now, message)
		if c.partial == nil && cap(message) <= keepBuffer {
			c.partial = message[:0]
		}
	}
	return data[n:]
}

// keepBuffer is up to which size a buffer is kept for the next message.
const keepBuffer = 1 << 20

func (c *Channel) handle(now time.Duration, m []byte) {
	c.stats.ReceivedMessages++
	c.stats.ReceivedBytes += uint64(len(m))
	if err := c.handler.Message(now, m); err != nil {
		c.fail(now, fmt.Errorf("%v message: %w", wireproto.Header(m).Type(), err))
	}
}

// fail ends the channel because of what came over it.
func (c *Channel) fail(now time.Duration, err error) {
	if c.ended {
		return
	}
	c.Abort(now)
	c.handler.Closed(now, err)
}

// OnEnd is the transport's last event.
func (c *Channel) OnEnd(now time.Duration, err error) {
	if c.ended {
		return
	}
	if errors.Is(err, io.EOF) {
		c.ended = true
		c.conn.Close(now)
		err = nil
		if len(c.partial) > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	c.ended = true
	c.handler.Closed(now, err)
}
