package ipx

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Errors of Port.Send. None of them is final: the datagram is lost, as it
// could have been on the way, and a later one may arrive.
var (
	ErrLength      = errors.New("ipx: payload longer than a datagram carries")
	ErrNotClaimed  = errors.New("ipx: own address is not (yet) ours")
	ErrNoRoute     = errors.New("ipx: address is no host of our network")
	ErrUnreachable = errors.New("ipx: neighbour answers no ARP request")
	ErrQueueFull   = errors.New("ipx: too many datagrams wait")
)

// Port sends the datagrams of one protocol.
type Port struct {
	stack *Stack
	proto uint8
}

// Port returns what a transport of protocol proto sends by.
func (s *Stack) Port(proto uint8) *Port { return &Port{stack: s, proto: proto} }

// Addr returns our address.
func (p *Port) Addr() netip.Addr { return p.stack.addr }

// MTU returns the largest payload of a datagram in bytes: the device's MTU
// less HeaderLen.
func (p *Port) MTU() int { return p.stack.mtu }

// Buffer lends the payload area of the next frame, MTU() bytes long. It
// belongs to the caller until the next call of Send, Stack.Input or
// Stack.Advance.
func (p *Port) Buffer() []byte {
	end := frameHeaderLen + p.stack.mtu
	return p.stack.dev.Buffer()[frameHeaderLen:end:end]
}

// Send sends the first n bytes of the lent buffer, 0 to MTU(), to dst: a host
// of our network, its broadcast address, 255.255.255.255, or ourselves.
//
//  1. The destination is that of the last datagram, or is looked up.
//  2. Our own address: a copy goes into the loopback, for the next Advance or
//     Input to deliver.
//  3. A neighbour whose hardware address isn't known: a copy waits, and ARP
//     asks. Of a neighbour's maxWaiting datagrams the oldest gives way to a
//     new one (RFC 1122, section 2.3.2.2).
//  4. Otherwise the headers come from the neighbour's template, and the frame
//     goes to the device.
//
// A nil error doesn't mean that the datagram arrives. The errors wrap
// ErrLength, ErrNotClaimed, ErrNoRoute, ErrUnreachable, ErrQueueFull or the
// device's error; each is counted in Stats.Output.
func (p *Port) Send(now time.Duration, dst netip.Addr, n int) error {
	s := p.stack
	if n < 0 || n > s.mtu {
		s.stats.Output.Length++
		return fmt.Errorf("%w: %d bytes of %d", ErrLength, n, s.mtu)
	}
	if !s.claim.held {
		s.stats.Output.NotClaimed++
		return fmt.Errorf("%w: %s", ErrNotClaimed, s.addr)
	}
	to := s.neighbours.last
	if to == nil || to.addr != dst {
		dst = dst.Unmap()
		if dst == s.addr {
			return s.loop(now, p.proto, n)
		}
		var err error
		if to, err = s.lookup(now, dst); err != nil {
			return err
		}
		if !to.isUsable() {
			return s.wait(now, to, p.proto, n)
		}
		s.neighbours.last = to
	}
	to.used = now
	return s.transmit(to, p.proto, n)
}

// lookup returns the neighbour, or the broadcast, of address dst, which it
// adds if it is new.
func (s *Stack) lookup(now time.Duration, dst netip.Addr) (*neighbour, error) {
	if to := s.neighbours.byAddr[dst]; to != nil {
		return to, nil
	}
	if !dst.Is4() || !s.isHost(toUint32(dst)) {
		s.stats.Output.NoRoute++
		return nil, fmt.Errorf("%w: %s", ErrNoRoute, dst)
	}
	to := s.addNeighbour(dst, now)
	if to == nil {
		s.stats.Output.QueueFull++
		return nil, fmt.Errorf("%w: to %s", ErrQueueFull, dst)
	}
	return to, nil
}

// transmit sends the lent frame, in which the n bytes of payload are in
// place, to a neighbour that is usable.
func (s *Stack) transmit(to *neighbour, proto uint8, n int) error {
	s.id++
	to.template.fill(s.dev.Buffer(), proto, s.id, n)
	if err := s.dev.Send(frameHeaderLen + n); err != nil {
		s.stats.Output.DeviceError++
		return fmt.Errorf("ipx: send to %s: %w", to.addr, err)
	}
	s.stats.DatagramsSent++
	s.stats.BytesSent += uint64(n)
	return nil
}
