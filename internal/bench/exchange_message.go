package bench

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"deputy/wireproto"
)

// Sizes of the messages of a close(), in bytes (thesis 5.2.2, less its 40 bytes of headers).
const (
	requestLen = 24
	resultLen  = 28
)

// badDescriptor is the argument of the call: -1, as the register has it that a descriptor is passed in.
const badDescriptor = 0xffffffff

// errAnswer is what a result means that is not the one of the request.
var errAnswer = errors.New("not the result of the request")

// messageExchange sends an intraprocess request, close(-1), and gets its result. Both sides encode and decode
// with wireproto; nobody does the call.
type messageExchange struct {
	dialed
	stream  messageStream
	request []byte
	number  uint16
	failed  error
}

func newMessageExchange(s *session, t *transport) (*messageExchange, error) {
	x := &messageExchange{dialed: dialed{session: s, transport: t}, request: make([]byte, 0, requestLen)}
	x.stream.message = x.result
	return x, x.dial(portMessage, x)
}

func (x *messageExchange) enter() error { return x.enterDevice() }
func (x *messageExchange) leave() error { return nil }

func (x *messageExchange) round() error {
	x.number++
	args := [...]uint64{badDescriptor}
	x.request = wireproto.AppendRequest(x.request[:0], x.number, unix.SYS_CLOSE, args[:], 0)
	if err := x.write(x.request); err != nil {
		return err
	}
	return x.failed
}

// OnData takes the result.
func (x *messageExchange) OnData(now time.Duration, data []byte) int {
	if err := x.stream.add(now, data); err != nil {
		x.failed, x.answered = err, true
	}
	return len(data)
}

func (x *messageExchange) result(_ time.Duration, m []byte) error {
	r, err := wireproto.ParseResult(m)
	if err != nil {
		return err
	}
	if r.Sequence != x.number || r.Errno != uint32(unix.EBADF) {
		return fmt.Errorf("%w: sequence %d, error %d", errAnswer, r.Sequence, r.Errno)
	}
	x.answered = true
	return nil
}

// responder answers requests on the peer's side of a connection.
type responder struct {
	conn   connection
	stream messageStream
	answer []byte
}

func newResponder(c connection) *responder {
	r := &responder{conn: c, answer: make([]byte, 0, resultLen)}
	r.stream.message = r.request
	return r
}

// OnOpen is one of the transport's events.
func (*responder) OnOpen(time.Duration) {}

// OnSpace is one of the transport's events.
func (*responder) OnSpace(time.Duration) {}

// OnEnd closes our direction too.
func (r *responder) OnEnd(now time.Duration, _ error) { r.conn.Close(now) }

// OnData takes requests. One that is malformed ends the connection.
func (r *responder) OnData(now time.Duration, data []byte) int {
	if err := r.stream.add(now, data); err != nil {
		r.conn.Abort(now)
	}
	return len(data)
}

func (r *responder) request(now time.Duration, m []byte) error {
	q, err := wireproto.ParseRequest(m)
	if err != nil {
		return err
	}
	errno := unix.ENOSYS
	var args [wireproto.MaxArgs]uint64
	if n := q.Args(&args); q.Call == unix.SYS_CLOSE && n == 1 && args[0] == badDescriptor {
		errno = unix.EBADF
	}
	r.answer = wireproto.AppendResult(r.answer[:0], q.Sequence, uint32(errno), 0, wireproto.FlagTerminated)
	if n := r.conn.Write(now, r.answer); n != len(r.answer) {
		return fmt.Errorf("result: %d of %d bytes taken for sending", n, len(r.answer))
	}
	return nil
}

// messageStream cuts bytes into messages. One that arrives whole is handed on in place.
type messageStream struct {
	message func(now time.Duration, m []byte) error
	part    []byte // of a message that is not complete
}

// add takes bytes; its error is the message handler's, or that of a header that no message has.
func (s *messageStream) add(now time.Duration, data []byte) error {
	if len(s.part) > 0 {
		s.part = append(s.part, data...)
		data = s.part
	}
	for len(data) >= wireproto.HeaderLen {
		size, err := wireproto.Size(data)
		if err != nil {
			return err
		}
		if len(data) < size {
			break
		}
		if err := s.message(now, data[:size]); err != nil {
			return err
		}
		data = data[size:]
	}
	s.part = append(s.part[:0], data...)
	return nil
}
