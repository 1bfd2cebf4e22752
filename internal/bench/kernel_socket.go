package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/internal/bench/tsc"
)

// kernelSocket is a socket of the kernel's UDP or TCP, used by system calls on the calling thread: Go's
// poller would add a goroutine switch to each wait.
type kernelSocket struct {
	fd    int
	spin  bool // ask without waiting, again and again; otherwise wait in recv(2)
	yield bool // spinning, let the other side run: it shares our CPU
	clock *tsc.Clock
	over  atomic.Bool // the guard has ended the waits
}

// newKernelSocket makes a socket that is bound to an address of the kernel on an interface, with a port
// of the kernel's choice.
func newKernelSocket(m mode, iface string, addr netip.Addr, clock *tsc.Clock) (_ *kernelSocket, err error) {
	kind := unix.SOCK_DGRAM
	if m.tcp() {
		kind = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &kernelSocket{fd: fd, spin: m.spin(), clock: clock}
	defer func() {
		if err != nil {
			_ = s.close()
		}
	}()
	if err := unix.BindToDevice(fd, iface); err != nil {
		return nil, fmt.Errorf("binding a socket to %s: %w", iface, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: addr.As4()}); err != nil {
		return nil, fmt.Errorf("binding a socket to %v: %w", addr, err)
	}
	return s, nil
}

// noDelay switches Nagle's algorithm off.
func (s *kernelSocket) noDelay() error {
	err := unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return os.NewSyscallError("setsockopt TCP_NODELAY", err)
}

// timeout bounds the waits of recv(2), and connect(2).
func (s *kernelSocket) timeout(option int, d time.Duration) error {
	tv := unix.NsecToTimeval(int64(d))
	return os.NewSyscallError("setsockopt timeout", unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, option, &tv))
}

func (s *kernelSocket) connect(to netip.AddrPort) error {
	err := unix.Connect(s.fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	if err != nil {
		return fmt.Errorf("connecting to %v: %w", to, err)
	}
	return nil
}

// local is the address that the socket is bound to.
func (s *kernelSocket) local() (netip.AddrPort, error) {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	in, ok := sa.(*unix.SockaddrInet4)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("getsockname: %T for an IPv4 socket", sa)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)), nil
}

// send sends p. With one message under way it cannot block, so the processor is kept.
func (s *kernelSocket) send(p []byte) error {
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			unix.MSG_NOSIGNAL, 0, 0)
		if errno == 0 {
			return nil
		}
		if errno != unix.EINTR {
			return os.NewSyscallError("send", errno)
		}
	}
}

// receive takes what is there, at most len(p) bytes; 0 means the end. Spinning, it gives up at the limit, or
// when a guard says so; waiting, when a timeout is set and over. All are errLost.
func (s *kernelSocket) receive(p []byte, limit time.Duration) (int, error) {
	buffer, size := uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))
	for turn := 1; ; turn++ {
		var n uintptr
		var errno unix.Errno
		if s.spin {
			n, _, errno = unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), buffer, size, unix.MSG_DONTWAIT, 0, 0)
		} else {
			n, _, errno = unix.Syscall6(unix.SYS_RECVFROM, uintptr(s.fd), buffer, size, 0, 0, 0)
		}
		switch {
		case errno == 0:
			return int(n), nil
		case errors.Is(errno, unix.EINTR):
		case !errors.Is(errno, unix.EAGAIN):
			return 0, os.NewSyscallError("recv", errno)
		case !s.spin:
			return 0, errLost
		default:
			if s.yield {
				_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
			}
			if turn%timerEvery == 0 && (s.over.Load() || s.clock.Now() >= limit) {
				return 0, errLost
			}
		}
	}
}

// close closes the socket. For an open TCP connection that is its orderly end.
func (s *kernelSocket) close() error { return unix.Close(s.fd) }

// Intervals of a guard: how often it looks, and how many looks without progress it allows.
const (
	guardTick  = 100 * time.Millisecond
	guardTicks = 10
)

// guard ends the waits of a socket whose other side has fallen silent: a thread that waits in recv(2) or
// accept(2) without a timeout, for that would cost the kernel a timer at every wait.
type guard struct {
	progress atomic.Uint64 // counted up by whoever is guarded
	stop     chan struct{}
	gone     chan struct{}
}

// newGuard guards the socket until end is called, ctx is done, or it has ended the waits.
func newGuard(ctx context.Context, s *kernelSocket) *guard {
	g := &guard{stop: make(chan struct{}), gone: make(chan struct{})}
	go g.watch(ctx, s)
	return g
}

func (g *guard) watch(ctx context.Context, s *kernelSocket) {
	defer close(g.gone)
	tick := time.NewTicker(guardTick)
	defer tick.Stop()
	seen, idle := g.progress.Load(), 0
	for idle < guardTicks {
		select {
		case <-g.stop:
			return
		case <-ctx.Done():
			idle = guardTicks
		case <-tick.C:
			idle++
			if p := g.progress.Load(); p != seen {
				seen, idle = p, 0
			}
		}
	}
	s.over.Store(true)                      // a spinner is told so: a datagram socket goes on to answer EAGAIN
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // ENOTCONN of a datagram socket comes after the waiter is woken
}

// end ends the guard; the socket may be closed afterwards.
func (g *guard) end() {
	close(g.stop)
	<-g.gone
}
