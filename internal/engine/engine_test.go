package engine

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"deputy/ipx"
	"deputy/link"
)

// start runs a loop over one end of a pair in memory until the test ends.
func start(t *testing.T) *Loop {
	t.Helper()
	dev, other := link.NewPair(1500, link.Addr{2, 0, 0, 0, 0, 1}, link.Addr{2, 0, 0, 0, 0, 2})
	stack, err := ipx.New(dev, ipx.Config{Prefix: netip.MustParsePrefix("10.0.0.1/8")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(dev, stack, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the loop ended with %v", err)
		}
		for _, c := range []interface{ Close() error }{l, dev, other} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return l
}

const patience = 10 * time.Second

func wait(t *testing.T, done <-chan time.Duration, what string) time.Duration {
	t.Helper()
	select {
	case now := <-done:
		return now
	case <-time.After(patience):
		t.Fatalf("%s did not happen", what)
		return 0
	}
}

func TestSubmitAndWatch(t *testing.T) {
	l := start(t)
	done := make(chan time.Duration, 1)
	l.Submit(func(now time.Duration) { done <- now })
	wait(t, done, "what was submitted")

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fd := int(r.Fd())
	l.Do(func(time.Duration) {
		err = l.Watch(fd, func(now time.Duration) {
			l.Unwatch(fd)
			done <- now
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	wait(t, done, "the event of a descriptor")
}

// alarm is a component with one deadline.
type alarm struct {
	at      time.Duration
	flushed int
	done    chan time.Duration
}

func (a *alarm) Deadline() time.Duration { return a.at }
func (a *alarm) Flush(time.Duration)     { a.flushed++ }
func (a *alarm) Advance(now time.Duration) {
	a.at = Never
	a.done <- now
}

// TestDeadline: a deadline that Do makes earlier wakes a parked loop, which is neither early nor much late.
func TestDeadline(t *testing.T) {
	l := start(t)
	a := &alarm{at: Never, done: make(chan time.Duration, 1)}
	l.Do(func(time.Duration) { l.Add(a) })
	var want time.Duration
	l.Do(func(now time.Duration) { want = now + 5*time.Millisecond; a.at = want })
	if got := wait(t, a.done, "the deadline"); got < want {
		t.Errorf("advanced at %v, the deadline is %v", got, want)
	}
	l.Do(func(time.Duration) {
		if a.flushed == 0 {
			t.Error("the loop parked without a flush")
		}
	})
}

// TestPollerKeepsAwake: a loop does not park while a poller looks for something, however long that takes.
func TestPollerKeepsAwake(t *testing.T) {
	l := start(t)
	done := make(chan time.Duration, 1)
	l.Submit(func(begin time.Duration) {
		var p *Poller
		p = l.NewPoller(func(now time.Duration) bool {
			if now-begin < 20*DefaultSpin {
				return false
			}
			p.Set(false)
			done <- now
			return true
		})
		p.Set(true)
	})
	wait(t, done, "the last look of a poller")
}

func TestTurnAllocatesNothing(t *testing.T) {
	dev, _ := link.NewPair(1500, link.Addr{2, 0, 0, 0, 0, 1}, link.Addr{2, 0, 0, 0, 0, 2})
	stack, err := ipx.New(dev, ipx.Config{Prefix: netip.MustParsePrefix("10.0.0.1/8")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(dev, stack, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if n := testing.AllocsPerRun(100, func() { l.Poll(); l.Flush() }); n != 0 {
		t.Errorf("%v allocations a turn", n)
	}
}

// TestTwoDevices: a loop that drives two devices is a gateway between them, and a frame on either wakes it.
func TestTwoDevices(t *testing.T) {
	l := start(t)
	dev, far := link.NewPair(1500, link.Addr{2, 0, 0, 0, 0, 3}, link.Addr{2, 0, 0, 0, 0, 4})
	defer dev.Close()
	defer far.Close()
	here, err := ipx.New(dev, ipx.Config{Prefix: netip.MustParsePrefix("11.0.0.1/8")})
	if err != nil {
		t.Fatal(err)
	}
	there, err := ipx.New(far, ipx.Config{
		Prefix: netip.MustParsePrefix("11.0.0.2/8"),
		Routes: []ipx.Route{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Via: here.Addr()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var first netip.Addr
	l.Do(func(time.Duration) {
		if err = l.AddDevice(dev, here); err == nil {
			_, err = ipx.NewGateway(l.port.ip, here)
		}
		first = l.port.ip.Addr()
	})
	if err != nil {
		t.Fatal(err)
	}

	other, err := New(far, there, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	done := make(chan time.Duration, 1)
	other.Do(func(now time.Duration) {
		err = there.Echo(now, first, []byte("through the other device"), patience, func(now, _ time.Duration, echoErr error) {
			err = echoErr
			done <- now
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(patience); len(done) == 0; other.Poll() {
		if time.Now().After(limit) {
			t.Fatal("no echo reply")
		}
	}
	if err != nil {
		t.Error(err)
	}
}
