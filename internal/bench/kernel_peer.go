package bench

import (
	"context"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"deputy/internal/bench/tsc"
)

// kernelPeer answers on the kernel's sockets, one client at a time.
type kernelPeer struct {
	iface  string
	addr   netip.Addr // the kernel's on that interface; 0.0.0.0 or not valid: none
	clock  *tsc.Clock
	yield  bool
	socket *kernelSocket // bound, and connected (UDP) or listening (TCP)
}

// open makes the socket of a mode and returns its port.
func (k *kernelPeer) open(m mode, client netip.AddrPort) (uint16, error) {
	s, err := newKernelSocket(m, k.iface, k.addr, k.clock)
	if err != nil {
		return 0, err
	}
	s.yield = k.yield
	if m.tcp() {
		err = os.NewSyscallError("listen", unix.Listen(s.fd, 1))
	} else {
		err = s.connect(client)
	}
	var local netip.AddrPort
	if err == nil {
		local, err = s.local()
	}
	if err != nil {
		_ = s.close()
		return 0, err
	}
	k.socket = s
	return local.Port(), nil
}

// serve sends back what comes, or counts it, until the client ends the mode (an empty datagram, the end of the
// connection), is silent for a second, or ctx ends. Errors are the client's to notice.
func (k *kernelPeer) serve(ctx context.Context, m mode, size int) {
	s := k.socket
	k.socket = nil
	defer func() { _ = s.close() }()
	if m.tcp() {
		accepted, ok := k.accept(ctx, s)
		if !ok {
			return
		}
		defer func() { _ = accepted.close() }()
		s = accepted
	}
	g := newGuard(ctx, s)
	defer g.end()
	if m == modeTCPBulk {
		sink(s, g)
	} else {
		echo(s, g, size)
	}
}

// sink counts a bulk transfer and answers when it is there.
func sink(s *kernelSocket, g *guard) {
	b := make([]byte, bulkChunk)
	for transfer := (bulkReceiver{}); ; g.progress.Add(1) {
		n, err := s.receive(b, neverReached)
		if err != nil || n == 0 {
			return
		}
		if transfer.add(b[:n]) {
			_ = s.send(transfer.header[:])
			transfer = bulkReceiver{}
		}
	}
}

// echo sends back what comes.
func echo(s *kernelSocket, g *guard, size int) {
	b := make([]byte, max(size, 1))
	for {
		got := 0
		for got < size { // a datagram is read whole, bytes of a connection in any portions
			n, err := s.receive(b[got:], neverReached)
			if err != nil || n == 0 {
				return
			}
			got += n
		}
		if s.send(b[:got]) != nil {
			return
		}
		g.progress.Add(1)
	}
}

// accept waits for the client's connection.
func (k *kernelPeer) accept(ctx context.Context, listener *kernelSocket) (*kernelSocket, bool) {
	g := newGuard(ctx, listener)
	defer g.end()
	for {
		fd, _, err := unix.Accept4(listener.fd, unix.SOCK_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, false
		}
		s := &kernelSocket{fd: fd, spin: listener.spin, yield: listener.yield, clock: k.clock}
		if s.noDelay() != nil {
			_ = s.close()
			return nil, false
		}
		return s, true
	}
}
