package link

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

// struct virtio_net_hdr (linux/virtio_net.h), which precedes what is sent on a socket with PACKET_VNET_HDR.
const (
	vnetHeaderLen = 10

	vnetNeedsChecksum = 1 // flags
	vnetTCPv4         = 1 // gso_type
	tcpChecksum       = 16
)

// trains is a packet socket for trains alone: with PACKET_VNET_HDR, frames that are sent and received one by one would
// have the extra header too. It receives nothing.
type trains struct {
	fd  int
	out []byte // the extra header, then the train
}

// openTrains opens the socket for an interface whose TSO is off, in the network namespace of the calling thread. nil
// without an error means that TSO is on.
func openTrains(ifi *net.Interface) (*trains, error) {
	if on, err := sys.TSO(ifi.Name); err != nil || on {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index})
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("PACKET_VNET_HDR: %w", err)
	}
	return &trains{fd: fd}, nil
}

func (s *socket) Trains() bool { return s.trains != nil }

func (s *socket) TrainBuffer() []byte {
	t := s.trains
	if t.out == nil {
		t.out = make([]byte, vnetHeaderLen+HeaderLen+MaxTrain)
	}
	return t.out[vnetHeaderLen:]
}

func (s *socket) SendTrain(n, transport, header, size int) error {
	if transport < HeaderLen || transport > header || header >= n || n > HeaderLen+MaxTrain || size < 1 || header+size > HeaderLen+s.mtu {
		s.stats.SendErrors++
		return fmt.Errorf("link: %s: sending a train of %d bytes, %d of them headers, as frames with %d: %w",
			s.iface, n, header, size, ErrFrameSize)
	}
	frames := (n - header + size - 1) / size
	v := s.trains.out[:vnetHeaderLen]
	clear(v)
	v[0], v[1] = vnetNeedsChecksum, vnetTCPv4
	le := binary.LittleEndian // the machine's own
	le.PutUint16(v[2:], uint16(header))
	le.PutUint16(v[4:], uint16(size))
	le.PutUint16(v[6:], uint16(transport))
	le.PutUint16(v[8:], tcpChecksum)
	return s.transmit(s.trains.fd, s.trains.out[:vnetHeaderLen+n], frames, n+(frames-1)*header)
}

func (t *trains) close() error {
	if t == nil {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(t.fd))
}
