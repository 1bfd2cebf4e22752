package link

import (
	"bytes"
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"deputy/internal/nstest"
)

// backends runs a test with each backend.
func backends(t *testing.T, f func(t *testing.T, backend string)) {
	for _, backend := range []string{BackendRing, BackendPacket} {
		t.Run(backend, func(t *testing.T) { f(t, backend) })
	}
}

// TestExchange sends frames of all sizes at several MTUs, more than twice around the ring.
func TestExchange(t *testing.T) {
	for _, mtu := range []int{576, 1500, 1964, 1965, 9000, 65000} {
		t.Run(itoa(mtu), func(t *testing.T) {
			backends(t, func(t *testing.T, backend string) {
				na, nb := nstest.Pair(t)
				na.SetMTU(mtu)
				nb.SetMTU(mtu)
				da := openIn(t, na, Options{Addr: addrA, Backend: backend})
				db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
				if da.MTU() != mtu || len(da.Buffer()) != HeaderLen+mtu {
					t.Fatalf("MTU %d, buffer of %d bytes", da.MTU(), len(da.Buffer()))
				}
				req := ringGeometry(mtu)
				total := 0
				count := 2*int(req.Frame_nr) + 3
				for i := range count {
					n := (i * 37) % (mtu + 1)
					if i%5 == 0 {
						n = mtu
					}
					want := frameTo(addrB, addrA, i, n)
					sendFrame(t, da, want)
					if got := wait(t, db); !bytes.Equal(got, want) {
						t.Fatalf("frame %d of %d bytes came as %d bytes, or changed", i, len(want), len(got))
					}
					total += len(want)
				}
				sent, received := da.Stats(), db.Stats()
				if diff := cmp.Diff(Stats{SentFrames: uint64(count), SentBytes: uint64(total)}, sent); diff != "" {
					t.Errorf("sender (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(Stats{ReceivedFrames: uint64(count), ReceivedBytes: uint64(total)}, received); diff != "" {
					t.Errorf("receiver (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRingGeometry(t *testing.T) {
	for _, tt := range []struct {
		mtu  int
		slot uint32
	}{{68, 2048}, {1500, 2048}, {1964, 2048}, {1965, 4096}, {9000, 16384}, {65535, 131072}} {
		r := ringGeometry(tt.mtu)
		if r.Frame_size != tt.slot {
			t.Errorf("MTU %d: slots of %d bytes, want %d", tt.mtu, r.Frame_size, tt.slot)
		}
		if r.Block_size%uint32(unix.Getpagesize()) != 0 || r.Block_size%r.Frame_size != 0 ||
			r.Frame_nr*r.Frame_size != r.Block_nr*r.Block_size {
			t.Errorf("MTU %d: slots do not fill the blocks: %+v", tt.mtu, r)
		}
	}
}

// TestRingFull fills the ring and more: what finds no slot is counted, what was there before stays in order.
func TestRingFull(t *testing.T) {
	na, nb := nstest.Pair(t)
	da := openIn(t, na, Options{Addr: addrA})
	db := openIn(t, nb, Options{Addr: addrB})
	slots := int(ringGeometry(1500).Frame_nr)
	const over = 100
	for i := range slots + over {
		sendFrame(t, da, frameTo(addrB, addrA, i, 64))
	}
	got := drain(db)
	if len(got) != slots || got[0] != 0 || got[slots-1] != uint32(slots-1) {
		t.Fatalf("%d frames, want %d", len(got), slots)
	}
	if s := db.Stats(); s.ReceiveDrops != over {
		t.Errorf("%d drops, want %d", s.ReceiveDrops, over)
	}
	if s := db.Stats(); s.ReceiveDrops != over {
		t.Errorf("%d drops when asked again, want %d", s.ReceiveDrops, over)
	}
	sendFrame(t, da, frameTo(addrB, addrA, 7, 64))
	if got := wait(t, db); !bytes.Equal(got, frameTo(addrB, addrA, 7, 64)) {
		t.Error("the ring does not go on")
	}
}

// TestOversize receives frames longer than the MTU that the device was opened with.
func TestOversize(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		na, nb := nstest.Pair(t)
		db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
		na.SetMTU(3000)
		nb.SetMTU(3000)
		da := openIn(t, na, Options{Addr: addrA})
		sendFrame(t, da, frameTo(addrB, addrA, 1, 1501)) // has room in a slot
		sendFrame(t, da, frameTo(addrB, addrA, 2, 3000)) // has not
		sendFrame(t, da, frameTo(addrB, addrA, 3, 1500))
		if got := wait(t, db); !bytes.Equal(got, frameTo(addrB, addrA, 3, 1500)) {
			t.Errorf("got %d bytes", len(got))
		}
		if s := db.Stats(); s.ReceiveOversize != 2 || s.ReceivedFrames != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestView holds a frame while others arrive, and receives without releasing.
func TestView(t *testing.T) {
	na, nb := nstest.Pair(t)
	da := openIn(t, na, Options{Addr: addrA})
	db := openIn(t, nb, Options{Addr: addrB})
	for i := range 3 {
		sendFrame(t, da, frameTo(addrB, addrA, i, 64))
	}
	first := db.Receive()
	if !bytes.Equal(first, frameTo(addrB, addrA, 0, 64)) {
		t.Fatal("wrong first frame")
	}
	if cap(first) != len(first) {
		t.Errorf("the view's capacity reaches %d bytes into the slot's rest", cap(first)-len(first))
	}
	for i := 1; i < 3; i++ {
		if !bytes.Equal(db.Receive(), frameTo(addrB, addrA, i, 64)) {
			t.Errorf("wrong frame %d", i)
		}
	}
	db.Release()
	db.Release() // nothing to release
	if f := db.Receive(); f != nil {
		t.Errorf("received % x", f)
	}
}

func TestReadable(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		na, nb := nstest.Pair(t)
		da := openIn(t, na, Options{Addr: addrA, Backend: backend})
		db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
		for range 3 {
			if readable(t, db, 0) {
				t.Fatal("readable without a frame")
			}
			sendFrame(t, da, frameTo(addrB, addrA, 1, 64))
			if !readable(t, db, arrivalTimeout) {
				t.Fatal("not readable with a frame")
			}
			wait(t, db)
		}
	})
}

// TestInterfaceDown takes the interface down and up under open devices.
func TestInterfaceDown(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		na, nb := nstest.Pair(t)
		da := openIn(t, na, Options{Addr: addrA, Backend: backend})
		db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
		nb.SetDown()

		// poll(2) reports the error until it is taken off.
		p := []unix.PollFd{{Fd: int32(db.FD()), Events: unix.POLLIN}}
		if _, err := unix.Poll(p, 0); err != nil || p[0].Revents&unix.POLLERR == 0 {
			t.Errorf("poll: %v, events %#x", err, p[0].Revents)
		}
		if err := db.(ErrorReporter).Err(); !errors.Is(err, unix.ENETDOWN) {
			t.Errorf("Err = %v", err)
		}
		if n, err := unix.Poll(p, 0); n != 0 || err != nil {
			t.Errorf("poll: %d, %v, events %#x", n, err, p[0].Revents)
		}
		if err := db.(ErrorReporter).Err(); err != nil {
			t.Errorf("Err = %v", err)
		}
		err := db.Send(copy(db.Buffer(), frameTo(addrA, addrB, 1, 64)))
		if !errors.Is(err, unix.ENETDOWN) || db.Stats().SendErrors != 1 {
			t.Errorf("Send = %v, %+v", err, db.Stats())
		}
		if db.Receive() != nil {
			t.Error("received")
		}

		// Down and up again, unnoticed: both ways work at once.
		nb.SetUp()
		nb.SetDown()
		nb.SetUp()
		sendFrame(t, db, frameTo(addrA, addrB, 2, 64))
		if got := wait(t, da); !bytes.Equal(got, frameTo(addrA, addrB, 2, 64)) {
			t.Errorf("got % x", got)
		}
		sendFrame(t, da, frameTo(addrB, addrA, 3, 64))
		wait(t, db)

		// The same, and a frame waits behind the error: one look finds it.
		nb.SetDown()
		nb.SetUp()
		sendFrame(t, da, frameTo(addrB, addrA, 4, 64))
		if !readable(t, db, arrivalTimeout) {
			t.Fatal("not readable with a frame")
		}
		if got := db.Receive(); !bytes.Equal(got, frameTo(addrB, addrA, 4, 64)) {
			t.Errorf("got % x", got)
		}
		db.Release()
	})
}

// TestInterfaceGone removes the interface under open devices.
func TestInterfaceGone(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		na, _ := nstest.Pair(t)
		da := openIn(t, na, Options{Addr: addrA, Backend: backend})
		na.Do(func() {
			l, err := netlink.LinkByName(na.Iface)
			if err == nil {
				err = netlink.LinkDel(l)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		err := da.Send(copy(da.Buffer(), frameTo(addrB, addrA, 1, 64)))
		if !errors.Is(err, unix.ENXIO) {
			t.Errorf("Send = %v", err)
		}
		if da.Receive() != nil {
			t.Error("received")
		}
	})
}

func TestSendSize(t *testing.T) {
	na, _ := nstest.Pair(t)
	da := openIn(t, na, Options{Addr: addrA})
	for _, n := range []int{-1, 0, HeaderLen - 1, HeaderLen + 1501} {
		if err := da.Send(n); !errors.Is(err, ErrFrameSize) {
			t.Errorf("Send(%d) = %v", n, err)
		}
	}
	if s := da.Stats(); s.SendErrors != 4 || s.SentFrames != 0 {
		t.Errorf("%+v", s)
	}
}

func TestClose(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		na, nb := nstest.Pair(t)
		da := openIn(t, na, Options{Addr: addrA})
		before, mapped := descriptors(t), mappings(t)
		db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
		want := frameTo(addrB, addrA, 1, 64)
		sendFrame(t, da, want)
		sendFrame(t, da, want)
		view := db.Receive()
		for range 2 {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(view, want) {
			t.Error("the view changed under its holder")
		}
		db.Release()
		if f := db.Receive(); f != nil {
			t.Error("received after Close")
		}
		db.Buffer()[0] = 1
		if err := db.Send(HeaderLen); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send = %v", err)
		}
		if err := db.(ErrorReporter).Err(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Err = %v", err)
		}
		if s := db.Stats(); s.ReceivedFrames != 1 {
			t.Errorf("%+v", s)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
		if after := mappings(t); after != mapped {
			t.Errorf("%d rings mapped before, %d after", mapped, after)
		}
	})
}

// TestCloseWhileSpinning closes devices under owners that receive and send as fast as they can. Memory taken
// away too early is a fault that ends the test.
func TestCloseWhileSpinning(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		na, nb := nstest.Pair(t)
		da := openIn(t, na, Options{Addr: addrA})
		for range 20 {
			db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
			running := make(chan struct{})
			done := make(chan error)
			go func() {
				seen := 0
				for {
					if f := db.Receive(); f != nil {
						if seen++; seen == 1 {
							close(running)
						}
						_ = f[len(f)-1]
						db.Release()
					}
					err := db.Send(copy(db.Buffer(), frameTo(Broadcast, addrB, 1, 64)))
					if err != nil {
						done <- err
						return
					}
				}
			}()
			sendFrame(t, da, frameTo(addrB, addrA, 1, 64))
			<-running
			sendFrame(t, da, frameTo(addrB, addrA, 1, 64))
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	})
}

// TestNoAllocation counts allocations of the whole way of a frame.
func TestNoAllocation(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		na, nb := nstest.Pair(t)
		da := openIn(t, na, Options{Addr: addrA, Backend: backend})
		db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
		frame := frameTo(addrB, addrA, 1, 1000)
		allocs := testing.AllocsPerRun(1000, func() {
			if da.Send(copy(da.Buffer(), frame)) != nil {
				t.Fatal("send")
			}
			for db.Receive() == nil {
			}
			db.Release()
		})
		if allocs != 0 {
			t.Errorf("%v allocations a frame", allocs)
		}
	})
}
