package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// bulkTimeout bounds one transfer.
const bulkTimeout = time.Minute

// errBulk is a transfer that did not end in time.
var errBulk = fmt.Errorf("not done after %v", bulkTimeout)

// bulkHeader is the begin of a transfer of total bytes.
func bulkHeader(total int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(total)) }

// bulkOver transfers bytes over a connection of a transport.
type bulkOver struct {
	dialed
	chunk []byte
	space bool
	back  int // bytes of the answer
}

func newBulkOver(s *session, t *transport) (*bulkOver, error) {
	x := &bulkOver{dialed: dialed{session: s, transport: t}, chunk: make([]byte, bulkChunk)}
	return x, x.dial(portDiscard, x)
}

// transfer sends total bytes and returns how long it took until the peer had them all.
func (x *bulkOver) transfer(total int) (time.Duration, error) {
	if err := x.enterDevice(); err != nil {
		return 0, err
	}
	n := x.node
	from := n.clock.Now()
	limit := from + bulkTimeout
	x.back, x.answered = 0, false
	for p, left := bulkHeader(total), total; len(p) > 0; {
		taken := x.conn.Write(n.clock.Now(), p)
		if p = p[taken:]; len(p) == 0 {
			p = x.chunk[:min(left, len(x.chunk))]
			left -= len(p)
			continue
		}
		x.space = false
		if ok, err := n.until(&x.space, limit); err != nil || !ok {
			return 0, errors.Join(err, errBulk)
		}
		if x.ended != nil {
			return 0, x.ended
		}
	}
	if ok, err := n.until(&x.answered, limit); err != nil || !ok {
		return 0, errors.Join(err, errBulk)
	}
	return n.clock.Now() - from, x.ended
}

// OnSpace lets transfer go on.
func (x *bulkOver) OnSpace(time.Duration) { x.space = true }

// OnData takes the answer.
func (x *bulkOver) OnData(_ time.Duration, data []byte) int {
	x.back += len(data)
	x.answered = x.back >= bulkHeaderLen
	return len(data)
}

// OnEnd lets whoever waits go on, to find the error.
func (x *bulkOver) OnEnd(now time.Duration, err error) {
	x.dialed.OnEnd(now, err)
	x.space = true
}

// bulkKernel transfers bytes over a connection of the kernel's TCP.
type bulkKernel struct {
	*session
	do    func(func() error) error // runs f in the network namespace of the interface
	iface string
	addr  netip.Addr // the kernel's on our side
	chunk []byte
}

// transfer is bulkOver's. Opening and closing the connection are not in the time.
func (x *bulkKernel) transfer(total int) (took time.Duration, err error) {
	clock := x.node.clock
	var s *kernelSocket
	err = x.do(func() error {
		s, err = newKernelSocket(modeTCPBulk, x.iface, x.addr, clock)
		return err
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	local, err := s.local()
	if err != nil {
		return 0, err
	}
	port, err := x.enterMode(modeTCPBulk, 0, local)
	if err != nil {
		return 0, err
	}
	for _, option := range []int{unix.SO_SNDTIMEO, unix.SO_RCVTIMEO} { // a peer that is gone does not hang us
		if err := s.timeout(option, replyTimeout); err != nil {
			return 0, err
		}
	}
	if err := s.connect(netip.AddrPortFrom(x.peer.kernel, port)); err != nil {
		return 0, err
	}
	from := clock.Now()
	for p, left := bulkHeader(total), total; len(p) > 0; {
		taken, err := unix.Write(s.fd, p)
		if err != nil && err != unix.EINTR {
			return 0, fmt.Errorf("kernel TCP: write: %w", err)
		}
		if p = p[max(taken, 0):]; len(p) == 0 {
			p = x.chunk[:min(left, len(x.chunk))]
			left -= len(p)
		}
	}
	var answer [bulkHeaderLen]byte
	for got := 0; got < len(answer); {
		n, err := s.receive(answer[got:], neverReached)
		if err != nil || n == 0 {
			return 0, errors.Join(errGone, err)
		}
		got += n
	}
	return clock.Now() - from, nil
}
