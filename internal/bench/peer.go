package bench

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"deputy/ipx"
	"deputy/link"
)

// peerSpin is how long the peer looks for frames before it waits in poll(2): longer than the measuring
// side needs between two slices, and short enough to burn no CPU where nobody measures.
const peerSpin = 2 * time.Millisecond

// peerSleep bounds a wait in poll(2), so that the end of the context is seen.
const peerSleep = 100 * time.Millisecond

// clientTimeout is how long a measuring side that is not heard of keeps others out.
const clientTimeout = 3 * time.Second

// peer answers what a measuring side sends, at every layer.
type peer struct {
	node *node
	info peerInfo
	echo *ipx.Port
	port *ipx.Port

	client    netip.Addr // whom we serve
	clientAt  time.Duration
	sequence  uint16  // of the last request to enter a mode
	entered   control // what it was answered
	requested *control

	kernel *kernelPeer
}

// newPeer serves on a node. iface is where the kernel's sockets are bound to.
func newPeer(n *node, iface string, info peerInfo) (*peer, error) {
	p := &peer{
		node: n, info: info,
		echo: n.stack.Port(protocolEcho), port: n.stack.Port(protocolControl),
		kernel: &kernelPeer{iface: iface, addr: info.kernel, clock: n.clock, yield: n.park},
	}
	n.stack.Handle(protocolEcho, echoHandler{p.echo})
	n.stack.Handle(protocolControl, p)
	if err := n.listen(); err != nil {
		return nil, err
	}
	return p, nil
}

// serve answers until ctx ends. It is run by the thread that shall do so.
//
//  1. A frame that is a probe goes back at once: the layer link.
//  2. Any other goes up: the control protocol, echoes of datagrams, bytes and messages.
//  3. A request for a mode of the kernel's sockets is done here, not within the stack.
//  4. After a time without a frame it waits in poll(2).
func (p *peer) serve(ctx context.Context) error {
	n := p.node
	idle := n.clock.Now()
	for ctx.Err() == nil {
		if p.turn() {
			if p.requested != nil {
				p.enter(ctx)
			}
			idle = n.clock.Now()
			continue
		}
		if !n.park && (n.turns%timerEvery != 0 || n.clock.Now()-idle < peerSpin) {
			continue
		}
		n.flush()
		if err := n.sleep(n.clock.Now() + peerSleep); err != nil {
			return err
		}
	}
	return nil
}

// turn takes one frame, or looks at the timers now and then.
func (p *peer) turn() bool {
	n := p.node
	frame := n.dev.Receive()
	if frame == nil {
		if n.turns++; n.turns%timerEvery == 0 {
			n.advance(n.clock.Now())
		}
		return false
	}
	if len(frame) > link.HeaderLen && isProbe(frame[link.HeaderLen:]) {
		p.mirror(frame)
	} else {
		n.stack.Input(n.clock.Now(), frame)
	}
	n.dev.Release()
	return true
}

// mirror sends a frame back to where it came from. An error counts as a loss, which the other side sees.
func (p *peer) mirror(frame []byte) {
	b := p.node.dev.Buffer()
	size := copy(b, frame)
	putFrameHeader(b, link.Addr(frame[6:]), p.node.dev.Addr())
	_ = p.node.dev.Send(size)
}

// Receive is an ipx.Handler's: it takes the requests of the control protocol.
func (p *peer) Receive(now time.Duration, src, _ netip.Addr, payload []byte) {
	c, err := parseControl(payload)
	if err != nil {
		// Whoever speaks another version learns ours from the header of the answer.
		if len(payload) >= controlHeaderLen && string(payload[:4]) == controlMagic {
			p.answer(now, src, control{kind: kindWelcome})
		}
		return
	}
	switch c.kind {
	case kindHello:
		if p.answersTo(c.wanted) {
			p.answer(now, src, control{
				kind: kindWelcome, sequence: c.sequence, hardware: p.info.hardware, mtu: p.info.mtu, name: p.info.name,
				backend: p.info.backend, cpu: p.info.cpu, kernel: netip.AddrPortFrom(p.info.kernel, 0),
			})
		}
	case kindEnter:
		if src != p.client && p.client.IsValid() && now-p.clientAt < clientTimeout {
			p.answer(now, src, control{kind: kindEntered, sequence: c.sequence, err: fmt.Sprintf("busy: measuring with %v", p.client)})
			return
		}
		if src == p.client && c.sequence == p.sequence { // our answer was lost, or late
			p.answer(now, src, p.entered)
			return
		}
		p.client, p.clientAt, p.sequence = src, now, c.sequence
		p.requested = &c
	}
}

// answersTo reports whether the name or address is one of ours.
func (p *peer) answersTo(wanted string) bool {
	switch wanted {
	case "", p.info.name, p.info.addr.String(), p.info.hardware.String():
		return true
	}
	return p.info.kernel.IsValid() && wanted == p.info.kernel.String()
}

// answer sends an answer. An error is a loss: the request comes again.
func (p *peer) answer(now time.Duration, to netip.Addr, c control) {
	b := c.append(p.port.Buffer()[:0])
	_ = p.port.Send(now, to, len(b))
}

// enter goes into the mode that is requested, and comes back from a mode of the kernel's sockets when the
// measuring side has left it.
func (p *peer) enter(ctx context.Context) {
	c := *p.requested
	p.requested = nil
	p.entered = control{kind: kindEntered, sequence: c.sequence}
	if c.mode == modeDevice {
		p.answer(p.node.clock.Now(), p.client, p.entered)
		return
	}
	port, err := p.kernel.open(c.mode, c.kernel)
	if err != nil {
		p.entered.err = err.Error()
		p.answer(p.node.clock.Now(), p.client, p.entered)
		return
	}
	p.entered.kernel = netip.AddrPortFrom(netip.IPv4Unspecified(), port)
	p.answer(p.node.clock.Now(), p.client, p.entered)
	p.node.flush()
	p.kernel.serve(ctx, c.mode, c.size)
	p.clientAt = p.node.clock.Now()
}

// echoHandler sends datagrams back.
type echoHandler struct{ port *ipx.Port }

// Receive is an ipx.Handler's. An error is a loss, which the other side sees.
func (h echoHandler) Receive(now time.Duration, src, _ netip.Addr, payload []byte) {
	_ = h.port.Send(now, src, copy(h.port.Buffer(), payload))
}
