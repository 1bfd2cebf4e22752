package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"deputy/ipx"
	"deputy/link"
)

// repeat is how often a request to the peer is repeated: a lost one costs little, and while the peer
// waits in the kernel's sockets a second it collects few.
const repeat = 20 * time.Millisecond

// ErrNoPeer is what no answer to the first request means.
var ErrNoPeer = errors.New("does not answer")

// peerInfo is what a peer says of itself.
type peerInfo struct {
	addr     netip.Addr // of its stack
	hardware link.Addr
	kernel   netip.Addr // of its kernel on the interface; 0.0.0.0 if there is none
	mtu      int
	name     string
	backend  string
	cpu      string
}

// session is the measuring side of the control protocol.
type session struct {
	node *node
	port *ipx.Port
	peer peerInfo
	mode mode

	sequence uint16
	sent     control
	answer   control
	from     netip.Addr
	answered bool
	refused  error // somebody answers whom we don't understand
}

// newSession finds the peer: the one that has the name or address wanted, or whichever is there.
func newSession(n *node, wanted string) (*session, error) {
	s := &session{node: n, port: n.stack.Port(protocolControl)}
	s.sequence = uint16(time.Now().UnixMicro()) // the peer may remember our last run
	n.stack.Handle(protocolControl, s)
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if err := s.ask(broadcast, control{kind: kindHello, wanted: wanted}); err != nil {
		return nil, err
	}
	a := s.answer
	s.peer = peerInfo{
		addr: s.from, hardware: a.hardware, kernel: a.kernel.Addr(), mtu: a.mtu,
		name: a.name, backend: a.backend, cpu: a.cpu,
	}
	return s, nil
}

// enterDevice has the peer answer frames of the device.
func (s *session) enterDevice() error {
	if s.mode == modeDevice {
		return nil
	}
	_, err := s.enterMode(modeDevice, 0, netip.AddrPort{})
	return err
}

// enterMode has the peer go into a mode. size is the payload of a round; kernel is our socket's address.
// It returns the port of the peer's socket.
func (s *session) enterMode(m mode, size int, kernel netip.AddrPort) (uint16, error) {
	if err := s.ask(s.peer.addr, control{kind: kindEnter, mode: m, size: size, kernel: kernel}); err != nil {
		return 0, err
	}
	if s.answer.err != "" {
		return 0, fmt.Errorf("peer %s: %s", s.peer.name, s.answer.err)
	}
	s.mode = m
	return s.answer.kernel.Port(), nil
}

// ask sends a request until it is answered. The answer is in s.answer.
func (s *session) ask(to netip.Addr, c control) error {
	s.sequence++
	c.sequence = s.sequence
	s.sent, s.answered, s.refused = c, false, nil
	limit := s.node.clock.Now() + replyTimeout
	for {
		now := s.node.clock.Now()
		b := c.append(s.port.Buffer()[:0])
		err := s.port.Send(now, to, len(b))
		if err != nil && !errors.Is(err, ipx.ErrUnreachable) && !errors.Is(err, ipx.ErrQueueFull) {
			return err
		}
		ok, err := s.node.until(&s.answered, min(now+repeat, limit))
		switch {
		case err != nil:
			return err
		case ok:
			return nil
		case s.node.clock.Now() < limit:
		case s.refused != nil:
			return s.refused
		default:
			return ErrNoPeer
		}
	}
}

// Receive is an ipx.Handler's: it takes the answer to the request that is open.
func (s *session) Receive(_ time.Duration, src, _ netip.Addr, payload []byte) {
	c, err := parseControl(payload)
	if errors.Is(err, errControlVersion) {
		s.refused = fmt.Errorf("the ipxbench at %v is of another version: %w", src, err)
		return
	}
	if err != nil || c.kind != s.sent.kind+1 || c.sequence != s.sent.sequence || s.answered {
		return
	}
	s.answer, s.from, s.answered = c, src, true
}
