package ipx

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/nstest"
	"deputy/link"
)

// live runs stacks on real devices, on a goroutine of its own until the test
// ends. do runs there too.
type live struct {
	start time.Time
	calls chan func(now time.Duration)
	kick  int // eventfd
}

// ported is a stack with its device.
type ported struct {
	dev   link.Device
	stack *Stack
}

// openOn puts a stack on the interface of a node.
func openOn(t *testing.T, n *nstest.Node, backend string, cfg Config) ported {
	t.Helper()
	var p ported
	var err error
	n.Do(func() { p.dev, err = link.Open(n.Iface, link.Options{Backend: backend}) })
	if err != nil {
		t.Fatal(err)
	}
	if p.stack, err = New(p.dev, cfg); err != nil {
		t.Fatal(err)
	}
	return p
}

func runLive(t *testing.T, all ...ported) *live {
	t.Helper()
	kick, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	l := &live{start: time.Now(), calls: make(chan func(time.Duration)), kick: kick}
	ended := make(chan error)
	go func() { ended <- l.run(all) }()
	t.Cleanup(func() {
		close(l.calls)
		l.wake()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, p := range all {
			if err := p.dev.Close(); err != nil {
				t.Error(err)
			}
		}
		_ = unix.Close(kick)
	})
	return l
}

func (l *live) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(l.kick, one[:])
}

// do runs f where the stacks run, and returns when it has.
func (l *live) do(f func(now time.Duration)) {
	done := make(chan struct{})
	go l.wake()
	l.calls <- func(now time.Duration) {
		f(now)
		close(done)
	}
	<-done
}

func (l *live) run(all []ported) error {
	fds := []unix.PollFd{{Fd: int32(l.kick), Events: unix.POLLIN}}
	for _, p := range all {
		fds = append(fds, unix.PollFd{Fd: int32(p.dev.FD()), Events: unix.POLLIN})
	}
	for {
		deadline := time.Since(l.start) + time.Second
		for _, p := range all {
			for frame := p.dev.Receive(); frame != nil; frame = p.dev.Receive() {
				p.stack.Input(time.Since(l.start), frame)
				p.dev.Release()
			}
			p.stack.Advance(time.Since(l.start))
			deadline = min(deadline, p.stack.Deadline())
		}
		timeout := unix.NsecToTimespec(int64(max(deadline-time.Since(l.start), 0)))
		if _, err := unix.Ppoll(fds, &timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if fds[0].Revents != 0 {
			var b [8]byte
			_, _ = unix.Read(l.kick, b[:])
			f, open := <-l.calls
			if !open {
				return nil
			}
			f(time.Since(l.start))
		}
	}
}

// ping asks dst from a stack for size bytes and returns the error.
func (l *live) ping(t *testing.T, s *Stack, dst netip.Addr, size int) error {
	t.Helper()
	result := make(chan error, 1)
	l.do(func(now time.Duration) {
		err := s.Echo(now, dst, make([]byte, size), 5*time.Second, func(_, _ time.Duration, err error) { result <- err })
		if err != nil {
			result <- err
		}
	})
	return <-result
}

// kernelPing runs the ping of busybox on a node, which uses the kernel's IP.
func kernelPing(t *testing.T, n *nstest.Node, dst netip.Addr, size string) {
	t.Helper()
	var out []byte
	var err error
	n.Do(func() {
		out, err = exec.Command("busybox", "ping", "-c", "2", "-i", "0.01", "-W", "5", "-s", size, dst.String()).CombinedOutput()
	})
	if err != nil || !bytes.Contains(out, []byte("2 packets received")) {
		t.Errorf("ping -s %s %s: %v\n%s", size, dst, err, out)
	}
}

var (
	kernelNet  = netip.MustParsePrefix("10.77.0.1/24")
	liveNet    = netip.MustParsePrefix("10.77.0.2/24")
	kernelAddr = kernelNet.Addr()
	liveAddr   = liveNet.Addr()
)

// The kernel pings us and we ping the kernel, whole and in fragments, over each
// kind of device, with MTUs from Ethernet's to jumbo frames.
func TestPingWithKernel(t *testing.T) {
	for _, test := range []struct {
		backend string
		mtu     int
	}{{link.BackendRing, 1500}, {link.BackendPacket, 1500}, {link.BackendRing, 9000}, {link.BackendPacket, 9000}, {link.BackendRing, 65535}} {
		a, b := nstest.Pair(t)
		a.SetMTU(test.mtu)
		b.SetMTU(test.mtu)
		a.SetAddr(kernelNet.String())
		p := openOn(t, b, test.backend, Config{Prefix: liveNet})
		if p.dev.MTU() != test.mtu {
			t.Errorf("MTU %d, want %d", p.dev.MTU(), test.mtu)
		}
		l := runLive(t, p)
		for _, size := range []string{"0", "56", "1472", "1473", "8972", "8973", "65507"} {
			kernelPing(t, a, liveAddr, size)
		}
		for _, size := range []int{0, 56, 1472, 1473, 8972, 8973, 65507} {
			if err := l.ping(t, p.stack, kernelAddr, size); err != nil {
				t.Errorf("%s, MTU %d: echo of %d bytes: %v", test.backend, test.mtu, size, err)
			}
		}
		l.do(func(time.Duration) {
			stats := p.stack.Stats()
			if isBig := test.mtu == 65535; (stats.DatagramsFragmented == 0) != isBig || (stats.DatagramsReassembled == 0) != isBig ||
				stats.Reassembly != (ReassemblyDrops{}) {
				t.Errorf("%s, MTU %d: %+v", test.backend, test.mtu, stats)
			}
			accounted(t, p.stack)
		})
		if stats := p.dev.Stats(); stats.ReceiveOversize+stats.ReceiveDrops+stats.SendDrops != 0 {
			t.Errorf("%s, MTU %d: %+v", test.backend, test.mtu, stats)
		}
	}
}

// The kernel takes our protocol unreachable for what it is, and we the kernel's.
func TestUnreachableWithKernel(t *testing.T) {
	a, b := nstest.Pair(t)
	a.SetAddr(kernelNet.String())
	p := openOn(t, b, link.BackendRing, Config{Prefix: liveNet})
	told := make(chan status, 1)
	p.stack.Handle(testProto, statusFunc(func(s status) { told <- s }))
	l := runLive(t, p)

	var conn net.Conn
	var err error
	a.Do(func() { conn, err = net.Dial("udp4", netip.AddrPortFrom(liveAddr, 9).String()) })
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("is anybody there?")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 100)); !errors.Is(err, unix.ENOPROTOOPT) { // ip(7): ICMP protocol unreachable
		t.Errorf("the kernel reports %v, want %v", err, unix.ENOPROTOOPT)
	}

	l.do(func(now time.Duration) {
		if err := p.stack.Port(testProto).SendDatagram(now, kernelAddr, []byte("nobody knows RDP")); err != nil {
			t.Error(err)
		}
	})
	select {
	case s := <-told:
		if s != (status{kernelAddr, 3, 2, 0, "nobody knows RDP"}) {
			t.Errorf("told %+v", s)
		}
	case <-time.After(10 * time.Second):
		t.Error("not told that the kernel doesn't know the protocol")
	}
}

// statusFunc is a transport that only wants to know what is lost.
type statusFunc func(status)

func (statusFunc) Receive(time.Duration, netip.Addr, netip.Addr, []byte) {}

func (f statusFunc) Status(_ time.Duration, dst netip.Addr, kind, code uint8, mtu int, segment []byte) {
	f(status{dst, kind, code, mtu, string(segment)})
}
