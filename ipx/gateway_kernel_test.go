package ipx

import (
	"bytes"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/internal/nstest"
	"deputy/link"
)

// Two kernels on two networks reach each other through our gateway: by ping,
// whole and in fragments, by a TCP that has to find the path MTU, and by a
// traceroute that sees us.
func TestGatewayBetweenKernels(t *testing.T) {
	for _, backend := range []string{link.BackendRing, link.BackendPacket} {
		a, g1 := nstest.Pair(t)
		g2, b := nstest.Pair(t)
		g2.SetMTU(1000)
		b.SetMTU(1000)
		a.SetAddr("10.1.0.2/24")
		b.SetAddr("10.2.0.2/24")
		noOffload(t, a)
		noOffload(t, b)
		onNode(t, a, "ip", "route", "add", "10.2.0.0/24", "via", "10.1.0.1")
		onNode(t, b, "ip", "route", "add", "10.1.0.0/24", "via", "10.2.0.1")
		p1 := openOn(t, g1, backend, Config{Prefix: mustPrefix("10.1.0.1/24")})
		p2 := openOn(t, g2, backend, Config{Prefix: mustPrefix("10.2.0.1/24")})
		if _, err := NewGateway(p1.stack, p2.stack); err != nil {
			t.Fatal(err)
		}
		l := runLive(t, p1, p2)

		for _, size := range []string{"56", "5000", "65507"} {
			kernelPing(t, a, farB, size)
			kernelPing(t, b, farA, size)
		}
		kernelPing(t, a, farG, "56")
		b.SetMTU(1500) // so that the handshake doesn't tell of the narrow network
		transferTCP(t, a, b, farB.String())
		if out := onNode(t, a, "busybox", "traceroute", "-n", "-q", "1", "-m", "3", farB.String()); strings.Count(out, "\n") != 3 ||
			!strings.Contains(out, " 1  10.1.0.1 ") || !strings.Contains(out, " 2  10.2.0.2 ") {
			t.Errorf("%s: traceroute:\n%s", backend, out)
		}
		l.do(func(time.Duration) {
			if s1, s2 := p1.stack.Stats(), p2.stack.Stats(); s1.Input.TooLarge == 0 || s1.Input.TTL != 1 || s2.FragmentsSent == 0 {
				t.Errorf("%s: %+v\n%+v", backend, s1, s2)
			}
			accounted(t, p1.stack)
			accounted(t, p2.stack)
		})
	}
}

// onNode runs a command in the namespace of a node.
func onNode(t *testing.T, n *nstest.Node, name string, args ...string) string {
	t.Helper()
	var out []byte
	var err error
	n.Do(func() { out, err = exec.Command(name, args...).CombinedOutput() })
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// transferTCP sends a megabyte from one kernel to the other.
func transferTCP(t *testing.T, from, to *nstest.Node, addr string) {
	t.Helper()
	var listener net.Listener
	var client net.Conn
	var err error
	to.Do(func() { listener, err = net.Listen("tcp4", addr+":0") })
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	sent := randomBytes(8, 1<<20)
	received := make(chan []byte, 1)
	go func() {
		var got []byte
		if server, err := listener.Accept(); err == nil {
			got, _ = io.ReadAll(server)
			_ = server.Close()
		}
		received <- got
	}()
	from.Do(func() { client, err = net.DialTimeout("tcp4", listener.Addr().String(), 10*time.Second) })
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(sent); err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if got := <-received; !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes arrived", len(got), len(sent))
	}
}

// noOffload has the kernel compute the checksums of what it sends, and cut it
// into segments, where a veth pair by itself would do neither and a gateway
// would pass on what it gets.
func noOffload(t *testing.T, n *nstest.Node) {
	t.Helper()
	const setTransmitChecksum = 0x17 // ETHTOOL_STXCSUM of linux/ethtool.h
	value := struct{ command, data uint32 }{command: setTransmitChecksum}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:], n.Iface)
	n.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
			t.Fatalf("offloads of %s: %v", n.Iface, errno)
		}
	})
}
