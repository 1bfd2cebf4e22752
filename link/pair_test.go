package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPairExchange(t *testing.T) {
	a, b := NewPair(1500, addrA, addrB)
	defer a.Close()
	defer b.Close()
	if a.Addr() != addrA || b.Addr() != addrB || a.MTU() != 1500 || len(a.Buffer()) != 1514 {
		t.Fatalf("%v %v, MTU %d, buffer of %d bytes", a.Addr(), b.Addr(), a.MTU(), len(a.Buffer()))
	}
	for i := range 3 * pairQueue {
		n := i % 1501
		want := frameTo(addrB, addrA, i, n)
		sendFrame(t, a, want)
		if got := b.Receive(); !bytes.Equal(got, want) {
			t.Fatalf("frame %d of %d bytes came as %d bytes", i, len(want), len(got))
		}
		b.Release()
		want = frameTo(Broadcast, addrB, i, 1500-n)
		sendFrame(t, b, want)
		if got := a.Receive(); !bytes.Equal(got, want) {
			t.Fatalf("frame %d of %d bytes came as %d bytes", i, len(want), len(got))
		}
		a.Release()
	}
	// What is not for the other end does not arrive.
	sendFrame(t, a, frameTo(addrA, addrA, 1, 64))
	if f := b.Receive(); f != nil {
		t.Errorf("received % x", f)
	}
}

func TestPairFull(t *testing.T) {
	a, b := NewPair(1500, addrA, addrB)
	for i := range pairQueue + 10 {
		sendFrame(t, a, frameTo(addrB, addrA, i, 64))
	}
	got := drain(b)
	if len(got) != pairQueue || got[pairQueue-1] != pairQueue-1 {
		t.Errorf("%d frames, want %d", len(got), pairQueue)
	}
	want := Stats{SentFrames: pairQueue, SentBytes: 78 * pairQueue, SendDrops: 10}
	if diff := cmp.Diff(want, a.Stats()); diff != "" {
		t.Errorf("sender (-want +got):\n%s", diff)
	}
	want = Stats{ReceivedFrames: pairQueue, ReceivedBytes: 78 * pairQueue, ReceiveDrops: 10}
	if diff := cmp.Diff(want, b.Stats()); diff != "" {
		t.Errorf("receiver (-want +got):\n%s", diff)
	}
}

func TestPairDescriptor(t *testing.T) {
	before := descriptors(t)
	a, b := NewPair(1500, addrA, addrB)
	sendFrame(t, a, frameTo(addrB, addrA, 0, 64))
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors before the first FD, %d wanted", n, before)
	}
	if !readable(t, b, 0) {
		t.Error("not readable with a frame that came before the descriptor")
	}
	for i := range 3 {
		if got := drain(b); len(got) != 1 || got[0] != uint32(i) {
			t.Fatalf("got %v", got)
		}
		if readable(t, b, 0) {
			t.Error("readable without a frame")
		}
		sendFrame(t, a, frameTo(addrB, addrA, i+1, 64))
		if !readable(t, b, 0) {
			t.Error("not readable with a frame")
		}
	}
	// One of two taken: still readable.
	sendFrame(t, a, frameTo(addrB, addrA, 9, 64))
	b.Receive()
	b.Release()
	if !readable(t, b, 0) {
		t.Error("not readable with the second frame")
	}
	if err := errors.Join(a.Close(), b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors after Close, %d before", n, before)
	}
}

func TestPairClosed(t *testing.T) {
	a, b := NewPair(1500, addrA, addrB)
	b.FD()
	sendFrame(t, a, frameTo(addrB, addrA, 0, 64))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if f := b.Receive(); f != nil {
		t.Error("received after Close")
	}
	if err := b.Send(64); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send = %v", err)
	}
	if err := b.(ErrorReporter).Err(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Err = %v", err)
	}
	sendFrame(t, a, frameTo(addrB, addrA, 0, 64)) // into the void
	if err := a.Send(1515); !errors.Is(err, ErrFrameSize) {
		t.Errorf("Send = %v", err)
	}
	c, _ := NewPair(1500, addrA, addrB)
	c.Close()
	if fd := c.FD(); fd != -1 {
		t.Errorf("FD = %d", fd)
	}
}

// TestPairParallel has both ends on goroutines of their own; the receiver parks on the descriptor
// whenever it sees no frame, so a signal that is lost makes it time out.
func TestPairParallel(t *testing.T) {
	const frames = 50000
	a, b := NewPair(1500, addrA, addrB)
	defer a.Close()
	defer b.Close()
	done := make(chan uint32)
	go func() {
		next := uint32(0)
		defer func() { done <- next }()
		for next < frames {
			f := b.Receive()
			if f == nil {
				if !readable(t, b, arrivalTimeout) {
					return
				}
				continue
			}
			if binary.BigEndian.Uint32(f[HeaderLen:]) != next {
				t.Errorf("frame %d is % x", next, f)
				return
			}
			next++
			b.Release()
		}
	}()
	for i := range frames {
		for a.Stats().SentFrames == uint64(i) { // again if the queue was full
			sendFrame(t, a, frameTo(addrB, addrA, i, 64))
			if i%97 == 0 {
				runtime.Gosched()
			}
		}
	}
	if n := <-done; n != frames {
		t.Errorf("stopped after %d of %d frames", n, frames)
	}
}

func TestPairNoAllocation(t *testing.T) {
	a, b := NewPair(1500, addrA, addrB)
	frame := frameTo(addrB, addrA, 1, 1000)
	turn := func() {
		_ = a.Send(copy(a.Buffer(), frame))
		if b.Receive() == nil {
			t.Fatal("no frame")
		}
		b.Release()
	}
	for range pairQueue { // every slot has its memory
		turn()
	}
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
