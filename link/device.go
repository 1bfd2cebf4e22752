package link

import (
	"encoding/binary"
	"errors"
)

// HeaderLen is the size of the Ethernet II header in bytes: destination, source, EtherType.
const HeaderLen = 14

// Offsets in the Ethernet II header.
const (
	offsetDestination = 0  // 6 bytes
	offsetEtherType   = 12 // 2 bytes, big-endian
)

// EtherTypes (IEEE 802 numbers) that a device receives.
const (
	EtherTypeIPv4 = 0x0800 // RFC 894
	EtherTypeARP  = 0x0806 // RFC 826
)

// What can be wrong with an interface or a frame. Errors of this package wrap them; errors of a system call
// keep their errno.
var (
	ErrNoInterface = errors.New("no such network interface")
	ErrDown        = errors.New("interface is down")
	ErrNotEthernet = errors.New("not an Ethernet interface")
	ErrBadAddr     = errors.New("not a unicast address")
	ErrBackend     = errors.New("unknown link backend")
	ErrFrameSize   = errors.New("frame is shorter than its header or longer than the MTU allows")
)

// Device sends and receives Ethernet frames. One goroutine at a time, its owner, calls the methods; Close
// may come from any other. No method blocks.
type Device interface {
	// Receive returns the next frame that waits, from the Ethernet header on and without the frame
	// check sequence, or nil if none does. A frame that came over a real wire may carry padding at the
	// end (60 bytes is the least there). The frame is a view into the device's memory, valid until
	// Release; a frame not released yet is released by the next Receive. After Close it returns nil.
	Receive() []byte
	// Release gives the memory of the last received frame back. Without such a frame it does nothing.
	Release()
	// Buffer lends the memory of the next frame to send, HeaderLen+MTU() bytes. Until Send, it is the
	// same memory with the same content.
	Buffer() []byte
	// Send transmits the first n bytes of the lent buffer and takes the buffer back. nil does not mean
	// delivered: where the kernel has no room the frame is dropped and counted, as on any link. Errors wrap
	// ErrFrameSize, net.ErrClosed or the errno of send(2), such as unix.ENETDOWN.
	Send(n int) error
	// FD is a descriptor for poll(2) and epoll(7), readable when a frame waits. It belongs to the device
	// and is closed with it; closing does not wake who waits on it.
	FD() int
	// Addr is the device's own address: frames to it are received.
	Addr() Addr
	// MTU is the most that follows the header in one frame, in bytes.
	MTU() int
	// Stats returns the counts since the device was opened. It may cost a system call.
	Stats() Stats
	// Close releases descriptor and memory. If a received frame is not released yet, the memory stays
	// until it is. Calling it again does nothing.
	Close() error
}

// ErrorReporter is a Device that can be asked what has befallen it. When poll(2) reports POLLERR on FD,
// Err takes the pending error (usually unix.ENETDOWN: the interface went down) off the socket, so that
// FD can be waited on again: the device goes on working when the interface comes back. All devices of this
// package are ErrorReporters.
type ErrorReporter interface {
	Err() error
}

// Stats counts frames and bytes since a device was opened. Bytes are counted from the Ethernet header on,
// without frame check sequence.
type Stats struct {
	ReceivedFrames  uint64
	ReceivedBytes   uint64
	ReceiveDrops    uint64 // for want of room in the ring or the socket's queue
	ReceiveOversize uint64 // longer than the MTU allows: merged by the kernel, or the MTU was raised
	SentFrames      uint64
	SentBytes       uint64
	SendDrops       uint64 // for want of room (ENOBUFS, EAGAIN)
	SendErrors      uint64 // refused by the kernel; Send has said why
}

// forUs reports whether the frame is one that a device with address own receives. It is the kernel's
// filter (filter.go) in Go, for the devices that are not in the kernel; the kernel strips VLAN tags from
// the frame, so here a tag shows as its EtherType.
func forUs(frame []byte, own Addr) bool {
	if len(frame) < HeaderLen {
		return false
	}
	if to := Addr(frame[offsetDestination:]); to != own && to != Broadcast {
		return false
	}
	t := binary.BigEndian.Uint16(frame[offsetEtherType:])
	return t == EtherTypeIPv4 || t == EtherTypeARP
}
