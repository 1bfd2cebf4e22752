package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"deputy/link"
)

// neverReached is the limit of a wait that something else ends.
const neverReached = time.Duration(math.MaxInt64)

// Sizes of headers in bytes.
const (
	ethernetHeaderLen   = link.HeaderLen
	ipHeaderLen         = 20
	udpHeaderLen        = 8
	tcpHeaderLen        = 20
	rdpHeaderLen        = 18
	tcpTimestampsLen    = 12 // option, padded (RFC 7323, appendix A)
	tcpInfoHasTimestamp = 1  // TCPI_OPT_TIMESTAMPS of linux/tcp.h
)

// kernelExchange sends bytes by the kernel's UDP or TCP; the peer sends them back.
type kernelExchange struct {
	*session
	do    func(func() error) error // runs f in the network namespace of the interface
	iface string
	addr  netip.Addr // the kernel's on our side
	in    mode
	size  int

	ctx    context.Context
	socket *kernelSocket
	guard  *guard
	out    []byte
	back   []byte
	frame  int // bytes of a frame, known after the first enter
}

func (x *kernelExchange) enter() (err error) {
	err = x.do(func() error {
		x.socket, err = newKernelSocket(x.in, x.iface, x.addr, x.node.clock)
		return err
	})
	if err != nil {
		return err
	}
	s := x.socket
	s.yield = x.node.park
	defer func() {
		if err != nil {
			_ = s.close()
		}
	}()
	local, err := s.local()
	if err != nil {
		return err
	}
	port, err := x.enterMode(x.in, x.size, local)
	if err != nil {
		return err
	}
	if err := s.timeout(unix.SO_SNDTIMEO, replyTimeout); err != nil { // connect(2) obeys it
		return err
	}
	if err := s.connect(netip.AddrPortFrom(x.peer.kernel, port)); err != nil {
		return err
	}
	if x.in.tcp() {
		if err := s.noDelay(); err != nil {
			return err
		}
		if x.frame, err = x.tcpFrame(); err != nil {
			return err
		}
	} else {
		if err := s.timeout(unix.SO_RCVTIMEO, lossTimeout); err != nil {
			return err
		}
		x.frame = ethernetHeaderLen + ipHeaderLen + udpHeaderLen + x.size
	}
	x.guard = newGuard(x.ctx, s)
	return nil
}

// tcpFrame is the size of the frame of a round: longer where the two kernels agreed on time stamps.
func (x *kernelExchange) tcpFrame() (int, error) {
	info, err := unix.GetsockoptTCPInfo(x.socket.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, os.NewSyscallError("getsockopt TCP_INFO", err)
	}
	size := ethernetHeaderLen + ipHeaderLen + tcpHeaderLen + x.size
	if info.Options&tcpInfoHasTimestamp != 0 {
		size += tcpTimestampsLen
	}
	return size, nil
}

func (x *kernelExchange) round() error {
	s := x.socket
	limit := neverReached
	if s.spin {
		limit = s.clock.Now() + lossTimeout
		if x.in.tcp() {
			limit += replyTimeout
		}
	}
	if err := s.send(x.out); err != nil {
		return x.gone(err)
	}
	for got := 0; got < x.size; {
		n, err := s.receive(x.back[got:], limit)
		if errors.Is(err, errLost) && x.in.tcp() {
			return errGone
		}
		if err != nil {
			return x.gone(err)
		}
		if n == 0 {
			return errGone
		}
		got += n
	}
	x.guard.progress.Add(1)
	return nil
}

// gone makes errGone of what the kernel says when the peer's socket is not there any more.
func (x *kernelExchange) gone(err error) error {
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return err
}

// leave ends the mode at the peer, by an empty datagram or the end of the connection. Where that is lost,
// the peer's guard ends it.
func (x *kernelExchange) leave() error {
	x.guard.end()
	if !x.in.tcp() {
		_ = x.socket.send(nil)
	}
	return x.socket.close()
}
