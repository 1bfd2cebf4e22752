package testnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"golang.org/x/sys/unix"
)

const (
	// captureBuffer is how much the kernel may hold of a node's frames until they are read, in bytes.
	captureBuffer = 16 << 20
	// captureSnap is the longest frame that is kept whole, in bytes: a segment that the kernel leaves to
	// the interface to cut up is up to 64 KiB long.
	captureSnap = 1<<16 + 64
	// captureHold is how long a frame is held back until those of other nodes sent before it have surely
	// been read, so that the file is in the order of sending.
	captureHold = 20 * time.Millisecond
)

// capture writes what the nodes send to a file. Frames are taken where they come out of the sender's veth pair, on
// the bridge's port or on the other node, because a sender can keep its frames from the packet
// sockets on its own side (PACKET_QDISC_BYPASS).
type capture struct {
	sockets []int // by number of the attachment whose node sends
	w       *pcapgo.NgWriter
	wake    int // eventfd: stop
	done    chan error
	stop    func() error // writes what is left; may be called several times

	held []captured
	buf  []byte
	oob  []byte
}

// captured is a frame that is not written yet.
type captured struct {
	info  gopacket.CaptureInfo
	frame []byte
}

// startCapture starts to write what the nodes send from now on.
func startCapture(n *Net, file io.Writer) (*capture, error) {
	c := &capture{
		wake: -1,
		done: make(chan error, 1),
		buf:  make([]byte, captureSnap),
		oob:  make([]byte, 256),
	}
	if err := c.open(n, file); err != nil {
		c.close()
		return nil, fmt.Errorf("capture: %w", err)
	}
	c.stop = sync.OnceValue(func() error {
		defer c.close()
		one := binary.NativeEndian.AppendUint64(nil, 1)
		if _, err := unix.Write(c.wake, one); err != nil {
			return err
		}
		return <-c.done
	})
	go func() { c.done <- c.run() }()
	return c, nil
}

func (c *capture) open(n *Net, file io.Writer) error {
	for _, at := range n.attached {
		where, ifname := n.bridge, at.port
		if where == nil {
			where, ifname = n.nodes[1-at.node.index].thread, Interface
		}
		err := where.do(func() error {
			fd, err := openCaptureSocket(ifname)
			if err == nil {
				c.sockets = append(c.sockets, fd)
			}
			return err
		})
		if err != nil {
			return err
		}

		intf := pcapgo.NgInterface{
			Name:                at.port,
			LinkType:            layers.LinkTypeEthernet,
			SnapLength:          captureSnap,
			TimestampResolution: 9,
		}
		if c.w == nil {
			options := pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{OS: "linux", Application: "deputy testbed"}}
			c.w, err = pcapgo.NewNgWriterInterface(file, intf, options)
		} else {
			_, err = c.w.AddInterface(intf)
		}
		if err != nil {
			return err
		}
	}
	if err := n.nodes[0].thread.do(awaitTimestamps); err != nil {
		return err
	}
	var err error
	c.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC)
	return err
}

// timestampTimeout bounds awaitTimestamps; it takes less than a millisecond on an idle machine.
const timestampTimeout = 5 * time.Second

var errTimestamps = errors.New("the kernel does not stamp received packets with the time")

// awaitTimestamps waits until the kernel stamps packets when they are received. It begins to some time after a socket
// has asked for it; until then a packet gets the time at which it is read, and frames of two interfaces would be out of
// order. The calling thread's loopback is up.
func awaitTimestamps() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	loopback := [4]byte{127, 0, 0, 1}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback}); err != nil {
		return err
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return err
	}
	oob := make([]byte, 64)
	for begin := time.Now(); time.Since(begin) < timestampTimeout; {
		if err := unix.Sendto(fd, []byte{0}, 0, own); err != nil {
			return err
		}
		sent := time.Now() // it has been received: loopback has no queue
		_, n, _, _, err := unix.Recvmsg(fd, nil, oob, 0)
		if err != nil {
			return err
		}
		if timestamp(oob[:n]).Before(sent) {
			return nil
		}
	}
	return errTimestamps
}

// openCaptureSocket opens a packet socket that receives what comes in by the interface, with time stamps.
func openCaptureSocket(ifname string) (fd int, err error) {
	// Protocol 0: nothing is received before bind says from where.
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, kernelError("packet sockets (CONFIG_PACKET)", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return -1, kernelError("PACKET_IGNORE_OUTGOING (Linux 4.20)", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer); err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return -1, err
	}
	index, err := interfaceIndex(fd, ifname)
	if err != nil {
		return -1, err
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index})
}

// interfaceIndex is the interface's index in the socket's network namespace.
func interfaceIndex(fd int, ifname string) (int, error) {
	req, err := unix.NewIfreq(ifname)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return 0, err
	}
	return int(req.Uint32()), nil
}

// run reads and writes frames until it is woken to stop.
func (c *capture) run() error {
	var fds []unix.PollFd
	for _, fd := range append(c.sockets, c.wake) {
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	for {
		timeout := -1
		if len(c.held) > 0 {
			timeout = int(captureHold.Milliseconds())
		}
		if _, err := unix.Poll(fds, timeout); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		stopping := fds[len(c.sockets)].Revents != 0
		limit := time.Now().Add(-captureHold)
		for node := range c.sockets {
			if err := c.read(node); err != nil {
				return err
			}
		}
		if stopping {
			limit = time.Now()
		}
		if err := c.write(limit); err != nil || stopping {
			return err
		}
	}
}

// read takes in all frames that wait from the node.
func (c *capture) read(node int) error {
	for {
		n, oobn, _, _, err := unix.Recvmsg(c.sockets[node], c.buf, c.oob, unix.MSG_TRUNC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
			continue // the latter once, when the interface goes
		case err != nil:
			return err
		}
		frame := slices.Clone(c.buf[:min(n, len(c.buf))])
		c.held = append(c.held, captured{
			info: gopacket.CaptureInfo{
				Timestamp:      timestamp(c.oob[:oobn]),
				CaptureLength:  len(frame),
				Length:         n,
				InterfaceIndex: node,
			},
			frame: frame,
		})
	}
}

// timestamp takes the kernel's time of reception out of control messages.
func timestamp(oob []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(
				int64(binary.NativeEndian.Uint64(m.Data)),
				int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

// write writes the frames received until limit, in order.
func (c *capture) write(limit time.Time) error {
	if len(c.held) == 0 {
		return nil
	}
	slices.SortStableFunc(c.held, func(a, b captured) int { return a.info.Timestamp.Compare(b.info.Timestamp) })
	written := 0
	for _, p := range c.held {
		if p.info.Timestamp.After(limit) {
			break
		}
		if err := c.w.WritePacket(p.info, p.frame); err != nil {
			return err
		}
		written++
	}
	c.held = slices.Delete(c.held, 0, written)
	if written == 0 {
		return nil
	}
	return c.w.Flush()
}

// close closes all descriptors.
func (c *capture) close() {
	for _, fd := range append(c.sockets, c.wake) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
