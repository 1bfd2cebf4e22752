package link

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/mdlayher/ethernet"
	"golang.org/x/sys/unix"

	"deputy/internal/nstest"
)

var (
	addrA = Addr{0x02, 0, 0, 0, 0, 0x0a}
	addrB = Addr{0x02, 0, 0, 0, 0, 0x0b}
)

// arrivalTimeout bounds the wait for a frame that has been sent. A veth pair takes microseconds.
const arrivalTimeout = 5 * time.Second

func itoa(n int) string { return strconv.Itoa(n) }

// openIn opens a device in the namespace of the node and closes it at the end of the test.
func openIn(t testing.TB, n *nstest.Node, o Options) Device {
	t.Helper()
	var d Device
	var err error
	n.Do(func() { d, err = Open(n.Iface, o) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// putHeader writes an Ethernet II header, by an encoder that is not ours.
func putHeader(b []byte, to, from Addr, etherType uint16) {
	f := ethernet.Frame{Destination: to[:], Source: from[:], EtherType: ethernet.EtherType(etherType)}
	header, err := f.MarshalBinary()
	if err != nil {
		panic(err)
	}
	copy(b, header[:HeaderLen])
}

// frameTo makes a frame with a payload of n bytes that depend on its number.
func frameTo(to, from Addr, number, n int) []byte {
	f := make([]byte, HeaderLen+n)
	putHeader(f, to, from, EtherTypeIPv4)
	for i := range n {
		f[HeaderLen+i] = byte(i*7 + number)
	}
	if n >= 4 {
		binary.BigEndian.PutUint32(f[HeaderLen:], uint32(number))
	}
	return f
}

func sendFrame(t testing.TB, d Device, frame []byte) {
	t.Helper()
	if err := d.Send(copy(d.Buffer(), frame)); err != nil {
		t.Fatal(err)
	}
}

// wait spins for the next frame, releases it and returns a copy.
func wait(t testing.TB, d Device) []byte {
	t.Helper()
	for limit := time.Now().Add(arrivalTimeout); time.Now().Before(limit); {
		if f := d.Receive(); f != nil {
			f = bytes.Clone(f)
			d.Release()
			return f
		}
	}
	t.Fatalf("no frame within %v; %+v", arrivalTimeout, d.Stats())
	return nil
}

// drain returns the numbers (frameTo) of the frames that wait.
func drain(d Device) []uint32 {
	var got []uint32
	for f := d.Receive(); f != nil; f = d.Receive() {
		got = append(got, binary.BigEndian.Uint32(f[HeaderLen:]))
		d.Release()
	}
	return got
}

// readable polls the descriptor for at most the timeout.
func readable(t testing.TB, d Device, timeout time.Duration) bool {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(d.FD()), Events: unix.POLLIN}}
	n, err := unix.Poll(p, int(timeout/time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	return n == 1 && p[0].Revents&unix.POLLIN != 0
}

// mappings counts the rings that the process has mapped.
func mappings(t testing.TB) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(maps, []byte("socket:["))
}

// descriptors counts the open descriptors of the process.
func descriptors(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
