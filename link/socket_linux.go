package link

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// receiveQueue is the room asked for frames in the socket's queue, in bytes as the kernel counts them
// (several hundred more than the frame each). It holds what comes in while the owner is busy with a frame.
const receiveQueue = 4 << 20

// socket is a packet socket (packet(7)) bound to one interface: what both backends have in common.
type socket struct {
	gate  gate
	fd    int
	iface string
	addr  Addr
	mtu   int
	out   []byte // the transmit buffer, HeaderLen+mtu bytes
	stats Stats
	unmap func() error // releases the backend's memory; nil if it has none

	trains *trains // nil: none are taken
}

// openSocket opens a packet socket on the interface and sets it up, but does not bind it to a protocol
// yet: no frame is received before bind.
func openSocket(ifi *net.Interface, o Options) (*socket, error) {
	own, err := assembleFilter(o.Addr)
	if err != nil {
		return nil, err
	}
	// Protocol 0: bound to the interface, receiving nothing.
	conn, err := packet.Listen(ifi, packet.Raw, 0, &packet.Config{Filter: own})
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("packet sockets need root or CAP_NET_RAW: %w", errno(err))
	}
	if err != nil {
		return nil, err
	}
	fd, err := takeDescriptor(conn)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, iface: ifi.Name, addr: o.Addr, mtu: ifi.MTU, out: make([]byte, HeaderLen+ifi.MTU)}
	if err := s.setup(ifi.Index, o); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// takeDescriptor takes the socket out of the connection and closes the connection. The connection has
// registered its descriptor with the Go runtime's poller, where every frame would be an event that may wake
// a thread of the runtime for nothing. The descriptor returned is a duplicate that the poller does not know.
func takeDescriptor(conn *packet.Conn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		_ = conn.Close()
		return -1, err
	}
	var fd int
	var dupErr error
	err = raw.Control(func(c uintptr) {
		fd, dupErr = unix.FcntlInt(c, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil {
		err = os.NewSyscallError("fcntl", dupErr)
	}
	closeErr := conn.Close()
	if err != nil {
		return -1, err
	}
	if closeErr != nil {
		_ = unix.Close(fd)
		return -1, closeErr
	}
	return fd, nil
}

// setup sets the options that do not depend on the backend.
func (s *socket) setup(ifindex int, o Options) error {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	if ll, ok := sa.(*unix.SockaddrLinklayer); !ok || ll.Hatype != unix.ARPHRD_ETHER {
		return ErrNotEthernet
	}
	// Linux 4.20. Without it, our own frames would pass the filter's test one by one, and broadcasts
	// would come back to us.
	if err := unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return fmt.Errorf("PACKET_IGNORE_OUTGOING: %w", os.NewSyscallError("setsockopt", err))
	}
	if o.QdiscBypass {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			return fmt.Errorf("PACKET_QDISC_BYPASS: %w", os.NewSyscallError("setsockopt", err))
		}
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveQueue) != nil {
		// Without CAP_NET_ADMIN the administrator's limit holds, and more is dropped under load.
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveQueue)
	}
	// A real adapter filters by address before we do.
	m := unix.PacketMreq{Ifindex: int32(ifindex), Type: unix.PACKET_MR_UNICAST, Alen: uint16(len(o.Addr))}
	copy(m.Address[:], o.Addr[:])
	if err := unix.SetsockoptPacketMreq(s.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
		o.Logger.Warn("link: the adapter does not take a second address; frames to us may not arrive",
			slog.String("interface", s.iface), slog.Any("address", s.addr), slog.Any("error", err))
	}
	return nil
}

// bind starts the reception of frames. All protocols, because a socket is bound to one or to all, and
// IPv4 and ARP are two; the filter does the rest. A socket for IPv4 alone is not measurably faster (both
// 3.6 to 4.7 µs a round trip over veth, the difference lost in the noise).
func (s *socket) bind(ifindex int) error {
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // network byte order
	sa := &unix.SockaddrLinklayer{Protocol: all & 0xffff, Ifindex: ifindex}
	return os.NewSyscallError("bind", unix.Bind(s.fd, sa))
}

func (s *socket) Buffer() []byte { return s.out }

func (s *socket) Send(n int) error {
	if n < HeaderLen || n > len(s.out) {
		s.stats.SendErrors++
		return fmt.Errorf("link: %s: sending %d bytes: %w", s.iface, n, ErrFrameSize)
	}
	return s.transmit(s.fd, s.out[:n], 1, n)
}

// transmit sends what makes a number of frames, with a number of bytes in all.
func (s *socket) transmit(fd int, p []byte, frames, bytes int) error {
	if !s.enter() {
		s.stats.SendErrors++
		return fmt.Errorf("link: %s: send: %w", s.iface, net.ErrClosed)
	}
	errno := send(fd, p)
	if errno == unix.ENETDOWN {
		// It may be the old news that the interface was down once, which is told once.
		errno = send(fd, p)
	}
	s.leave()
	switch errno {
	case 0:
		s.stats.SentFrames += uint64(frames)
		s.stats.SentBytes += uint64(bytes)
		return nil
	case unix.ENOBUFS, unix.EAGAIN:
		s.stats.SendDrops += uint64(frames)
		return nil
	default:
		s.stats.SendErrors++
		return fmt.Errorf("link: %s: %w", s.iface, os.NewSyscallError("send", errno))
	}
}

func (s *socket) FD() int    { return s.fd }
func (s *socket) Addr() Addr { return s.addr }
func (s *socket) MTU() int   { return s.mtu }

// Err takes the pending error off the socket.
func (s *socket) Err() error {
	if !s.enter() {
		return fmt.Errorf("link: %s: %w", s.iface, net.ErrClosed)
	}
	defer s.leave()
	pending, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("link: %s: %w", s.iface, os.NewSyscallError("getsockopt", err))
	}
	if pending == 0 {
		return nil
	}
	return fmt.Errorf("link: %s: %w", s.iface, unix.Errno(pending))
}

// Stats asks the kernel how many frames it dropped; it counts from zero each time.
func (s *socket) Stats() Stats {
	if s.enter() {
		if k, err := unix.GetsockoptTpacketStats(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			s.stats.ReceiveDrops += uint64(k.Drops)
		}
		s.leave()
	}
	return s.stats
}

func (s *socket) Close() error {
	if s.gate.shut() {
		return s.teardown()
	}
	return nil
}

// enter reports whether the device is open; leave must follow if it is.
func (s *socket) enter() bool {
	if s.gate.enter() {
		return true
	}
	s.leave()
	return false
}

// leave does the teardown if Close came meanwhile. Its errors have nobody left to go to.
func (s *socket) leave() {
	if s.gate.leave() {
		_ = s.teardown()
	}
}

// teardown releases memory, then descriptor: the memory holds on to the socket.
func (s *socket) teardown() error {
	var err error
	if s.unmap != nil {
		err = os.NewSyscallError("munmap", s.unmap())
	}
	if err = errors.Join(err, os.NewSyscallError("close", unix.Close(s.fd)), s.trains.close()); err != nil {
		return fmt.Errorf("link: %s: %w", s.iface, err)
	}
	return nil
}

// errno is the bare error number within err, for a message that says the rest itself.
func errno(err error) error {
	var n unix.Errno
	if errors.As(err, &n) {
		return n
	}
	return err
}
