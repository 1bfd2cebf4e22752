package control

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// traceRoom is how many calls may wait for whoever reads a trace; what comes beyond is missed, since no process is to wait
// for its trace.
const traceRoom = 1 << 14

// Tracer is where the calls of a trace wait for their reader.
type Tracer struct {
	calls  chan TracedCall
	missed atomic.Uint64
}

// NewTracer makes a tracer.
func NewTracer() *Tracer { return &Tracer{calls: make(chan TracedCall, traceRoom)} }

// Call takes in a call. It does not block.
func (t *Tracer) Call(c TracedCall) {
	c.Missed = t.missed.Load()
	select {
	case t.calls <- c:
	default:
		t.missed.Add(1)
	}
}

// stream writes calls to the connection until the other side closes it, and then those that wait.
func (t *Tracer) stream(conn *net.UnixConn) {
	_ = conn.SetDeadline(time.Time{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, conn)
	}()
	encoder := json.NewEncoder(conn)
	for {
		select {
		case c := <-t.calls:
			if encoder.Encode(c) != nil {
				return
			}
		case <-gone:
			for range len(t.calls) {
				if encoder.Encode(<-t.calls) != nil {
					return
				}
			}
			return
		}
	}
}

// Trace is the calls of the processes that name this one in TracedBy.
type Trace struct {
	conn    *net.UnixConn
	decoder *json.Decoder
}

// OpenTrace begins a trace.
func OpenTrace(socket string) (*Trace, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAgent, err)
	}
	t := &Trace{conn, json.NewDecoder(conn)}
	var answer Response
	if err = json.NewEncoder(conn).Encode(Request{Op: OpTrace}); err == nil {
		err = t.decoder.Decode(&answer)
	}
	if err == nil && answer.Error != "" {
		err = &Refused{answer.Error}
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ask the agent: %w", err)
	}
	return t, nil
}

// Next returns the next call; io.EOF after the end.
func (t *Trace) Next() (c TracedCall, err error) {
	err = t.decoder.Decode(&c)
	return c, err
}

// End ends the trace: after what the agent has, Next returns io.EOF.
func (t *Trace) End() error { return t.conn.CloseWrite() }

// Close gives the connection up.
func (t *Trace) Close() error { return t.conn.Close() }
