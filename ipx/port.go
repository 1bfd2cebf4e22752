package ipx

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Errors of Port.Send and Port.SendDatagram. None of them is final: the
// datagram is lost, as it could have been on the way, and a later one may
// arrive.
var (
	ErrLength      = errors.New("ipx: payload longer than a datagram carries")
	ErrNotClaimed  = errors.New("ipx: own address is not (yet) ours")
	ErrNoRoute     = errors.New("ipx: no route to the address")
	ErrUnreachable = errors.New("ipx: neighbour answers no ARP request")
	ErrQueueFull   = errors.New("ipx: too many datagrams wait")
)

// maxPayload is the most that a datagram carries behind a header without
// options, in bytes.
const maxPayload = maxMTU - HeaderLen

// Port sends the datagrams of one protocol.
type Port struct {
	stack *Stack
	proto uint8
}

// Port returns what a transport of protocol proto sends by.
func (s *Stack) Port(proto uint8) *Port { return &Port{stack: s, proto: proto} }

// Addr returns our address.
func (p *Port) Addr() netip.Addr { return p.stack.addr }

// MTU returns the largest payload of a datagram in one frame, in bytes: the
// device's MTU less HeaderLen.
func (p *Port) MTU() int { return p.stack.mtu }

// MaxDatagram returns the largest payload of SendDatagram, in bytes: 65515.
func (p *Port) MaxDatagram() int { return maxPayload }

// PathMTU returns the largest payload that travels to dst unfragmented, as far
// as is known, in bytes. It is MTU() until a gateway on the way has told
// otherwise (RFC 1191), and at times again, since what it told is forgotten.
func (p *Port) PathMTU(dst netip.Addr) int {
	s := p.stack
	if to := s.paths.byAddr[dst.Unmap()]; to != nil {
		return min(to.mtu, s.mtu)
	}
	return s.mtu
}

// Buffer lends the payload area of the next frame, MTU() bytes long. It
// belongs to the caller until the next call of Send, SendDatagram, Stack.Input
// or Stack.Advance.
func (p *Port) Buffer() []byte {
	end := frameHeaderLen + p.stack.mtu
	return p.stack.dev.Buffer()[frameHeaderLen:end:end]
}

// Send sends the first n bytes of the lent buffer, 0 to MTU(), to dst: a host
// of our network, one that a route leads to, the broadcast address of our
// network, 255.255.255.255, or ourselves.
//
//  1. The destination is that of the last datagram, or its path is looked up,
//     if need be by the routes (path.go).
//  2. Our own address: a copy goes into the loopback, for the next Advance or
//     Input to deliver.
//  3. A next hop whose hardware address isn't known: a copy waits, and ARP
//     asks. Of a neighbour's maxWaiting datagrams the oldest gives way to a
//     new one (RFC 1122, section 2.3.2.2).
//  4. More than the path's MTU, or another device's path: fragment.go.
//  5. Otherwise the headers come from the path's template, and the frame goes
//     to the device.
//
// A nil error doesn't mean that the datagram arrives. The errors wrap
// ErrLength, ErrNotClaimed, ErrNoRoute, ErrUnreachable, ErrQueueFull or the
// device's error; each is counted in Stats.Output.
func (p *Port) Send(now time.Duration, dst netip.Addr, n int) error {
	to := p.stack.paths.last
	if to == nil || to.addr != dst || uint(n) > uint(to.mtu) {
		return p.stack.sendLent(now, p.proto, dst, n)
	}
	to.via.used = now
	return p.stack.transmit(to, p.proto, n)
}

// SendDatagram sends a copy of the pieces of payload, MaxDatagram() bytes at
// most in all, as one datagram to dst. One that is larger than the path's MTU
// goes as fragments. Errors are those of Send.
func (p *Port) SendDatagram(now time.Duration, dst netip.Addr, payload ...[]byte) error {
	s := p.stack
	n := size(payload)
	if n > maxPayload {
		s.stats.Output.Length++
		return fmt.Errorf("%w: %d bytes of %d", ErrLength, n, maxPayload)
	}
	to, err := s.pathTo(now, dst)
	if err != nil {
		return err
	}
	g := gather{rest: payload}
	switch {
	case to == &s.self:
		return s.loop(now, p.proto, &g, n)
	case to.inPlace(n):
		g.read(s.dev.Buffer()[frameHeaderLen:][:n])
		return s.sendInPlace(now, to, p.proto, n)
	default:
		return s.send(now, to, p.proto, &g, n)
	}
}

// sendLent is Send to another destination than the last, or of another size
// than its path takes.
func (s *Stack) sendLent(now time.Duration, proto uint8, dst netip.Addr, n int) error {
	if n < 0 || n > s.mtu {
		s.stats.Output.Length++
		return fmt.Errorf("%w: %d bytes of %d", ErrLength, n, s.mtu)
	}
	to, err := s.pathTo(now, dst)
	if err != nil {
		return err
	}
	if to.inPlace(n) {
		return s.sendInPlace(now, to, proto, n)
	}
	// What is built now may be written into the same frame.
	s.scratch = append(s.scratch[:0], s.dev.Buffer()[frameHeaderLen:][:n]...)
	g := gather{head: s.scratch}
	if to == &s.self {
		return s.loop(now, proto, &g, n)
	}
	return s.send(now, to, proto, &g, n)
}

// sendInPlace sends the lent frame, in which the n bytes of payload are in
// place, and remembers the path.
func (s *Stack) sendInPlace(now time.Duration, to *path, proto uint8, n int) error {
	s.paths.last = to
	to.via.used = now
	return s.transmit(to, proto, n)
}

// transmit sends the lent frame, in which the n bytes of payload are in
// place, to a neighbour that is usable.
func (s *Stack) transmit(to *path, proto uint8, n int) error {
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
