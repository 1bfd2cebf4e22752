package link

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// tapName is the interface's name in the capture.
const tapName = "deputy"

// tapped is a device around another one that writes all frames to a capture.
type tapped struct {
	Device

	mu  sync.Mutex // Close may come from another goroutine
	out *pcapngWriter
	err error // the first one of the writer; nothing is written after it
}

// Tap puts a device around d that writes every frame received and every frame given to Send to w in the
// pcapng format, each with its direction and the time of the system's clock in nanoseconds. Each frame is
// one Write, so a file can be read while the capture goes on. An error of w ends the capture, not the
// traffic; Close returns it. Close closes d, not w. Tap fails if the beginning of the file cannot be written.
//
// A tap around an impaired device shows what the layers above sent; an impaired device around a tap shows
// what was left of it.
func Tap(d Device, w io.Writer) (Device, error) {
	out, err := newPcapngWriter(w, tapName, d.Addr())
	if err != nil {
		return nil, fmt.Errorf("link: starting the capture: %w", err)
	}
	t := &tapped{Device: d, out: out}
	if timed, ok := d.(timed); ok {
		return &tappedTimed{t, timed}, nil
	}
	return t, nil
}

// tappedTimed is a tap around a device with deadlines, which the event loop has to see.
type tappedTimed struct {
	*tapped
	timed
}

func (t *tapped) Receive() []byte {
	f := t.Device.Receive()
	if f != nil {
		t.write(pcapngInbound, f)
	}
	return f
}

func (t *tapped) Send(n int) error {
	// The frame is written first: with a fast peer, the answer's time would be the earlier one.
	if n >= HeaderLen && n <= len(t.Device.Buffer()) {
		t.write(pcapngOutbound, t.Device.Buffer()[:n])
	}
	return t.Device.Send(n)
}

func (t *tapped) write(direction uint32, frame []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = t.out.frame(time.Now(), direction, frame)
	}
}

// Err asks the device below.
func (t *tapped) Err() error { return reportedError(t.Device) }

func (t *tapped) Close() error {
	err := t.Device.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		err = errors.Join(err, fmt.Errorf("link: the capture is incomplete: %w", t.err))
	}
	return err
}
