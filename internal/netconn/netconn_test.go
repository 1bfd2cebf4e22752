package netconn

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// loop is a Loop: a lock and the time.
type loop struct {
	mu    sync.Mutex
	start time.Time
}

func (l *loop) Do(f func(time.Duration)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(time.Since(l.start))
}

// core is a Core without a peer: the test gives it what to deliver and takes
// what was written.
type core struct {
	ev      *Conn
	room    int // of the send buffer
	written []byte
	queue   [][]byte // to be delivered; a message each
	max     int
	err     error
	calls   []string
}

func (k *core) Write(_ time.Duration, p []byte) int {
	n := min(len(p), k.room)
	if k.max > 0 && n < len(p) {
		n = 0 // a message is taken as a whole
	}
	k.room -= n
	k.written = append(k.written, p[:n]...)
	return n
}

func (k *core) Resume(now time.Duration) {
	for len(k.queue) > 0 {
		n := k.ev.OnData(now, k.queue[0])
		if k.queue[0] = k.queue[0][n:]; len(k.queue[0]) > 0 || n == 0 {
			return
		}
		k.queue = k.queue[1:]
	}
}

func (k *core) CloseWrite(time.Duration) {
	k.calls, k.err = append(k.calls, "CloseWrite"), syscall.EPIPE
}
func (k *core) Close(time.Duration) { k.calls = append(k.calls, "Close") }
func (k *core) Abort(time.Duration) { k.calls = append(k.calls, "Abort") }
func (k *core) Err() error          { return k.err }
func (k *core) MaxMessage() int     { return k.max }
func (k *core) LocalAddr() netip.AddrPort {
	return netip.MustParseAddrPort("10.0.0.1:1")
}
func (k *core) RemoteAddr() netip.AddrPort {
	return netip.MustParseAddrPort("10.0.0.2:2")
}

// open returns a connection over a core, established.
func open(cfg Config) (*Conn, *core) {
	c := New(&loop{start: time.Now()}, cfg)
	k := &core{ev: c, room: 10}
	if cfg.Messages {
		k.max = 8
	}
	c.Attach(k)
	c.Do(c.OnOpen)
	return c, k
}

// deliver has the core deliver p, to the Read that waits or the next one.
func (k *core) deliver(p string) {
	k.ev.Do(func(now time.Duration) {
		k.queue = append(k.queue, []byte(p))
		k.Resume(now)
	})
}

// wantRead reads once into a buffer of size bytes.
func wantRead(t *testing.T, c *Conn, size int, want string, wantErr error) {
	t.Helper()
	b := make([]byte, size)
	n, err := c.Read(b)
	if string(b[:n]) != want || !errors.Is(err, wantErr) {
		t.Errorf("Read %q, %v; want %q, %v", b[:n], err, want, wantErr)
	}
}

func TestReadTakesWhatThereIs(t *testing.T) {
	c, k := open(Config{Network: "test"})
	k.deliver("hello")
	k.deliver("world")
	wantRead(t, c, 3, "hel", nil)
	wantRead(t, c, 20, "loworld", nil)
	wantRead(t, c, 0, "", nil)
	c.Do(func(now time.Duration) { c.OnEnd(now, io.EOF) })
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read at the end: %v, want io.EOF itself", err)
	}
}

// The rest of a Read is taken from the caller's buffer only while it waits.
func TestReadWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := open(Config{Network: "test"})
		done := make(chan struct{})
		go func() {
			wantRead(t, c, 10, "data", nil)
			close(done)
		}()
		synctest.Wait()
		k.deliver("data")
		k.deliver("more")
		<-done
		wantRead(t, c, 10, "more", nil)
	})
}

func TestEndWakesReader(t *testing.T) {
	for _, end := range []error{io.EOF, syscall.ECONNRESET} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := open(Config{Network: "test"})
			done := make(chan error)
			go func() {
				_, err := c.Read(make([]byte, 1))
				done <- err
			}()
			synctest.Wait()
			c.Do(func(now time.Duration) { c.OnEnd(now, end) })
			if err := <-done; !errors.Is(err, end) {
				t.Errorf("Read: %v, want %v", err, end)
			}
			wantRead(t, c, 1, "", end)
		})
	}
}

func TestMessages(t *testing.T) {
	c, k := open(Config{Network: "test", Messages: true})
	for _, m := range []string{"one", "three", "x"} {
		k.deliver(m)
	}
	wantRead(t, c, 10, "one", nil)
	wantRead(t, c, 2, "th", io.ErrShortBuffer) // and the rest is gone
	wantRead(t, c, 10, "x", nil)
	if n, err := c.Write(make([]byte, 9)); n != 0 || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("Write of a message too long: %d, %v", n, err)
	}
	if n, err := c.Write(make([]byte, 8)); n != 8 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
}

// A Write returns when all is taken, whenever there was room.
func TestWriteWaitsForSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := open(Config{Network: "test"})
		done := make(chan struct{})
		go func() {
			if n, err := c.Write([]byte("0123456789abcdefghij!")); n != 21 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			close(done)
		}()
		for range 2 {
			synctest.Wait()
			select {
			case <-done:
				t.Fatal("Write returned before all was taken")
			default:
			}
			c.Do(func(now time.Duration) {
				k.room = 10
				c.OnSpace(now)
			})
		}
		<-done
		if string(k.written) != "0123456789abcdefghij!" {
			t.Errorf("written %q", k.written)
		}
	})
}

func TestWriteFails(t *testing.T) {
	c, k := open(Config{Network: "test"})
	k.err = syscall.ECONNRESET
	var op *net.OpError
	if _, err := c.Write([]byte("x")); !errors.As(err, &op) || op.Op != "write" || op.Net != "test" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Write: %v", err)
	}
	// One under way is told when the connection ends.
	synctest.Test(t, func(t *testing.T) {
		c, k := open(Config{Network: "test"})
		done := make(chan struct{})
		go func() {
			if n, err := c.Write(make([]byte, 11)); n != 10 || !errors.Is(err, syscall.ETIMEDOUT) {
				t.Errorf("Write: %d, %v", n, err)
			}
			close(done)
		}()
		synctest.Wait()
		c.Do(func(now time.Duration) {
			k.err = syscall.ETIMEDOUT
			c.OnEnd(now, k.err)
		})
		<-done
	})
}

// A passed deadline ends the call and leaves the connection; it can be moved
// while a call waits, in both directions.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := open(Config{Network: "test"})
		start := time.Now()
		set := func(d time.Duration) {
			t.Helper()
			if err := c.SetDeadline(start.Add(d)); err != nil {
				t.Fatal(err)
			}
		}
		set(time.Second)
		go func() {
			time.Sleep(500 * time.Millisecond)
			set(3 * time.Second)
		}()
		wantRead(t, c, 1, "", os.ErrDeadlineExceeded)
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("Read returned after %v", d)
		}
		wantRead(t, c, 1, "", os.ErrDeadlineExceeded)
		if n, err := c.Write(make([]byte, 11)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write after the deadline: %d, %v", n, err)
		}
		set(4 * time.Second)
		if n, err := c.Write(make([]byte, 11)); n != 10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write into a full buffer: %d, %v", n, err)
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		k.deliver("x")
		wantRead(t, c, 1, "x", nil)
		if d := time.Since(start); d != 4*time.Second {
			t.Errorf("%v have passed, want 4s", d)
		}
	})
}

// Close wakes all that wait, and whatever is called after it says so.
func TestClose(t *testing.T) {
	for name, end := range map[string]func(*Conn) error{"Close": (*Conn).Close, "Abort": (*Conn).Abort} {
		synctest.Test(t, func(t *testing.T) {
			c, k := open(Config{Network: "test"})
			var waiting sync.WaitGroup
			waiting.Go(func() { wantRead(t, c, 1, "", net.ErrClosed) })
			waiting.Go(func() {
				if _, err := c.Write(make([]byte, 11)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Write: %v", err)
				}
			})
			synctest.Wait()
			if err := end(c); err != nil {
				t.Error(err)
			}
			waiting.Wait()
			wantRead(t, c, 1, "", net.ErrClosed)
			for _, err := range []error{c.Close(), c.Abort(), c.CloseWrite(), c.SetDeadline(time.Time{})} {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("after %s: %v", name, err)
				}
			}
			if len(k.calls) != 1 || k.calls[0] != name {
				t.Errorf("the core was called %v", k.calls)
			}
		})
	}
}

func TestCloseWrite(t *testing.T) {
	c, k := open(Config{Network: "test"})
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write: %v", err)
	}
	k.deliver("still")
	wantRead(t, c, 10, "still", nil)
}

func TestDial(t *testing.T) {
	cfg := Config{Network: "test"}
	synctest.Test(t, func(t *testing.T) {
		l := &loop{start: time.Now()}
		var k *core
		start := func(now time.Duration, c *Conn) (Core, error) {
			k = &core{ev: c}
			return k, nil
		}
		// The peer answers.
		go func() {
			synctest.Wait()
			l.Do(func(now time.Duration) { k.ev.OnOpen(now) })
		}()
		if _, err := Dial(t.Context(), l, cfg, start); err != nil {
			t.Fatal(err)
		}
		// It refuses.
		go func() {
			synctest.Wait()
			l.Do(func(now time.Duration) { k.ev.OnEnd(now, syscall.ECONNREFUSED) })
		}()
		var op *net.OpError
		if _, err := Dial(t.Context(), l, cfg, start); !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Op != "dial" {
			t.Errorf("Dial: %v", err)
		}
		// It is silent.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Dial(ctx, l, cfg, start)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("Dial: %v, want a timeout", err)
		}
		if len(k.calls) != 1 || k.calls[0] != "Abort" {
			t.Errorf("the core was called %v", k.calls)
		}
		// The transport can't even start.
		if _, err := Dial(t.Context(), l, cfg, func(time.Duration, *Conn) (Core, error) { return nil, syscall.EADDRINUSE }); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Dial: %v", err)
		}
	})
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lp := &loop{start: time.Now()}
		ended := 0
		l := NewListener(lp, Config{Network: "test"}, netip.MustParseAddrPort("10.0.0.1:1"), func(time.Duration) { ended++ })
		deliver := func() (k *core, c *Conn) {
			k = &core{}
			lp.Do(func(time.Duration) { c = l.Deliver(k) })
			return k, c
		}
		_, first := deliver()
		if got, err := l.AcceptConn(); err != nil || got != first {
			t.Errorf("Accept: %v, %v", got, err)
		}
		if err := l.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Accept: %v", err)
		}
		if err := l.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		// The queue is bounded.
		var left []*core
		for range Backlog {
			k, c := deliver()
			if c == nil {
				t.Fatal("refused before the queue was full")
			}
			left = append(left, k)
		}
		if _, c := deliver(); c != nil {
			t.Error("more than the queue holds")
		}
		// Whoever was not accepted is reset when the listener closes.
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		for i, k := range left {
			if len(k.calls) != 1 || k.calls[0] != "Abort" {
				t.Fatalf("core %d was called %v", i, k.calls)
			}
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close again: %v", err)
		}
		if _, c := deliver(); c != nil || ended != 1 {
			t.Errorf("delivered %v after Close; unlisten was called %d times", c, ended)
		}
	})
}

func TestReadAndWriteAllocateNothing(t *testing.T) {
	c, k := open(Config{Network: "test"})
	b := make([]byte, 4)
	msg, queue := []byte("data"), make([][]byte, 1)
	if n := testing.AllocsPerRun(100, func() {
		k.room, k.written = 10, k.written[:0]
		queue[0] = msg
		k.queue = queue
		if _, err := c.Read(b); err != nil {
			t.Error(err)
		}
		if _, err := c.Write(b); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
