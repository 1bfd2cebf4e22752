package channel

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deputy/wireproto"
)

// wire is the connection below a channel: it takes as much as it has room for.
type wire struct {
	room            int
	out             []byte
	closed, aborted bool
}

func (w *wire) Write(_ time.Duration, p []byte) int {
	n := min(w.room, len(p))
	w.room -= n
	w.out = append(w.out, p[:n]...)
	return n
}
func (w *wire) Close(time.Duration) { w.closed = true }
func (w *wire) Abort(time.Duration) { w.aborted = true }

// log is a handler that keeps what it is told.
type log struct {
	messages [][]byte
	closed   int
	err      error
	refuse   error
}

func (l *log) Open(time.Duration) {}
func (l *log) Message(_ time.Duration, m []byte) error {
	l.messages = append(l.messages, bytes.Clone(m))
	return l.refuse
}
func (l *log) Closed(_ time.Duration, err error) { l.closed++; l.err = err }

func open() (*Channel, *wire, *log) {
	w, l := &wire{room: 1 << 20}, &log{}
	c := New(l)
	c.Attach(w)
	return c, w, l
}

var (
	closing = wireproto.AppendRequest(nil, 1, unix.SYS_CLOSE, []uint64{77}, 0)
	copyin  = wireproto.AppendCopyinReply(nil, 2, 0x1000, 0, bytes.Repeat([]byte("x"), 1024))
	stream  = bytes.Join([][]byte{closing, copyin, closing}, nil)
)

// However the transport cuts the stream, the messages are the same.
func TestMessagesInPortions(t *testing.T) {
	for step := 1; step <= len(stream); step++ {
		c, _, l := open()
		for at := 0; at < len(stream); at += step {
			p := stream[at:min(at+step, len(stream))]
			if n := c.OnData(0, p); n != len(p) {
				t.Fatalf("portions of %d: %d of %d bytes taken", step, n, len(p))
			}
		}
		if len(l.messages) != 3 || !bytes.Equal(bytes.Join(l.messages, nil), stream) || l.closed != 0 {
			t.Fatalf("portions of %d: %d messages", step, len(l.messages))
		}
	}
}

// A malformed message ends the channel, once, with an error that names the field; what the handler refuses ends
// it too.
func TestMalformed(t *testing.T) {
	c, w, l := open()
	bad := bytes.Clone(closing)
	bad[1] = 0xff
	c.OnData(0, bytes.Join([][]byte{closing, bad, closing}, nil))
	var field *wireproto.FieldError
	if !w.aborted || l.closed != 1 || len(l.messages) != 1 || !errors.As(l.err, &field) || field.Field != "flags" {
		t.Errorf("aborted %v, closed %d times, %d messages, error %v", w.aborted, l.closed, len(l.messages), l.err)
	}
	c.OnEnd(0, io.EOF)
	c.Send(0, closing)
	if l.closed != 1 || len(w.out) != 0 {
		t.Error("the channel goes on after its end")
	}

	c, w, l = open()
	l.refuse = io.ErrNoProgress
	c.OnData(0, stream)
	if !w.aborted || !errors.Is(l.err, io.ErrNoProgress) || len(l.messages) != 1 {
		t.Errorf("refused: aborted %v, error %v, %d messages", w.aborted, l.err, len(l.messages))
	}
}

// What the transport has no room for waits, in order, and a close waits for it.
func TestQueue(t *testing.T) {
	c, w, _ := open()
	w.room = 10
	c.Send(0, closing)
	c.Send(0, copyin)
	c.Close(0)
	for turns := 0; !w.closed; turns++ {
		if turns > len(stream) {
			t.Fatal("never closed")
		}
		w.room = 100
		c.OnSpace(0)
	}
	if want := append(bytes.Clone(closing), copyin...); !bytes.Equal(w.out, want) {
		t.Errorf("%d bytes went out, want %d", len(w.out), len(want))
	}
}

// The end of the stream within a message is not orderly.
func TestEnd(t *testing.T) {
	for _, cut := range []int{0, 5, len(closing) + 3} {
		c, _, l := open()
		c.OnData(0, stream[:cut])
		c.OnEnd(0, io.EOF)
		if want := cut != 0; l.closed != 1 || errors.Is(l.err, io.ErrUnexpectedEOF) != want {
			t.Errorf("after %d bytes: closed %d times with %v", cut, l.closed, l.err)
		}
	}
}

// FuzzOnData: arbitrary bytes, cut in two ways, give the same messages and the same end.
func FuzzOnData(f *testing.F) {
	f.Add(stream, uint8(7))
	f.Add(stream[:len(closing)+9], uint8(1))
	f.Add(bytes.Repeat([]byte{1}, 64), uint8(16))
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		whole, _, all := open()
		whole.OnData(0, b)
		cut, _, some := open()
		for at, n := 0, int(step)+1; at < len(b); at += n {
			cut.OnData(0, b[at:min(at+n, len(b))])
		}
		if len(all.messages) != len(some.messages) || all.closed != some.closed ||
			!bytes.Equal(bytes.Join(all.messages, nil), bytes.Join(some.messages, nil)) {
			t.Errorf("whole: %d messages, closed %d; cut: %d, closed %d", len(all.messages), all.closed, len(some.messages), some.closed)
		}
		if !bytes.HasPrefix(b, bytes.Join(all.messages, nil)) {
			t.Error("messages that were not sent")
		}
	})
}
