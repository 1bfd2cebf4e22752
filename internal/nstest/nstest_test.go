package nstest

import (
	"bytes"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netns"
)

func TestPair(t *testing.T) {
	// The thread is held, so that the namespaces compared are those of one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	threads := func() bool {
		now, err := netns.Get()
		if err != nil {
			t.Fatal(err)
		}
		defer now.Close()
		return now.Equal(home)
	}

	a, b := Pair(t)
	if !threads() {
		t.Fatal("Pair left the thread in another namespace")
	}
	for _, n := range []*Node{a, b} {
		n.Do(func() {
			if threads() {
				t.Errorf("%s: Do runs in the caller's namespace", n.Iface)
			}
			ifi, err := net.InterfaceByName(n.Iface)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(ifi.HardwareAddr, n.HW) || len(n.HW) != 6 {
				t.Errorf("%s: HW = %v, the interface has %v", n.Iface, n.HW, ifi.HardwareAddr)
			}
			if ifi.Flags&net.FlagRunning == 0 {
				t.Errorf("%s: not running", n.Iface)
			}
		})
		if !threads() {
			t.Errorf("%s: Do did not return to the caller's namespace", n.Iface)
		}
	}
}

// TestPairTalks sends a datagram across by the kernel's own stack.
func TestPairTalks(t *testing.T) {
	a, b := Pair(t)
	a.SetAddr("192.0.2.1/24")
	b.SetAddr("192.0.2.2/24")
	var ca, cb net.PacketConn
	var err error
	a.Do(func() { ca, err = net.ListenPacket("udp4", "192.0.2.1:0") })
	if err != nil {
		t.Fatal(err)
	}
	defer ca.Close()
	b.Do(func() { cb, err = net.ListenPacket("udp4", "192.0.2.2:0") })
	if err != nil {
		t.Fatal(err)
	}
	defer cb.Close()
	if _, err := ca.WriteTo([]byte("deputy"), cb.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 64)
	n, from, err := cb.ReadFrom(p)
	if err != nil || string(p[:n]) != "deputy" || from.String() != ca.LocalAddr().String() {
		t.Fatalf("got %q from %v, %v", p[:n], from, err)
	}
}

// TestFatalInDo shows that a test that fails inside Do leaves its thread where it was.
func TestFatalInDo(t *testing.T) {
	a, _ := Pair(t)
	done := make(chan bool)
	go func() {
		runtime.LockOSThread()
		home, err := netns.Get()
		if err != nil {
			panic(err)
		}
		defer func() {
			now, err := netns.Get()
			done <- err == nil && now.Equal(home)
			now.Close()
			home.Close()
		}()
		a.Do(runtime.Goexit)
	}()
	if !<-done {
		t.Error("the thread stayed in the namespace")
	}
}

// TestNothingLeft counts descriptors: the namespaces have no other anchor.
func TestNothingLeft(t *testing.T) {
	count := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	t.Run("warm up", func(t *testing.T) { Pair(t) })
	before := count()
	t.Run("pair", func(t *testing.T) { Pair(t) })
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
