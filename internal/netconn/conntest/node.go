// Package conntest runs transports over a real loop for tests: our IP on a
// device, driven by an engine.Loop, so that blocking connections can be had of
// any transport. The device is one end of a pair in memory, or whatever a test
// opens in a network namespace.
//
//	a, b := conntest.Pair(t, link.Impairment{})
//	tcp := tcpmod.New(a.Stack.Port(tcpmod.Protocol), tcpmod.Config{})
//	a.Add(tcpmod.Protocol, tcp)
//	dialer := tcpmod.Dialer{Endpoint: tcp, Loop: a.Loop}
package conntest

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/engine"
	"deputy/ipx"
	"deputy/link"
)

// MTU of the pairs in memory, in bytes of IP datagram.
const MTU = 1500

// Node is our IP on one device with the loop that drives it.
type Node struct {
	Addr  netip.Addr
	Stack *ipx.Stack
	Loop  *engine.Loop
}

// Transport is what an endpoint is to IP and to the loop.
type Transport interface {
	ipx.Handler
	engine.Component
}

// Pair makes two nodes, 10.0.0.1 and 10.0.0.2, joined in memory. What each
// sends meets the impairment. They run until the test ends.
func Pair(t testing.TB, im link.Impairment) (a, b *Node) {
	t.Helper()
	x, y := link.NewPair(MTU, link.Addr{2, 0, 0, 0, 0, 1}, link.Addr{2, 0, 0, 0, 0, 2})
	a = Start(t, x, netip.MustParsePrefix("10.0.0.1/24"), im)
	b = Start(t, y, netip.MustParsePrefix("10.0.0.2/24"), im)
	return a, b
}

// Start makes a node of a device, with an address in its network, and runs it
// until the test ends, when the device is closed. What it sends meets the
// impairment.
func Start(t testing.TB, dev link.Device, own netip.Prefix, im link.Impairment) *Node {
	t.Helper()
	start := time.Now()
	if im != (link.Impairment{}) {
		dev = link.Impair(dev, im, func() time.Duration { return time.Since(start) })
	}
	stack, err := ipx.New(dev, ipx.Config{Prefix: own})
	if err != nil {
		t.Fatal(err)
	}
	loop, err := engine.New(dev, stack, engine.Options{Start: start})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the loop of %v ended with %v", own.Addr(), err)
		}
		if err := errors.Join(loop.Close(), dev.Close()); err != nil {
			t.Error(err)
		}
	})
	return &Node{Addr: own.Addr(), Stack: stack, Loop: loop}
}

// Add puts a transport on the node's IP and has the loop drive it.
func (n *Node) Add(proto uint8, t Transport) {
	n.Loop.Do(func(time.Duration) {
		n.Stack.Handle(proto, t)
		n.Loop.Add(t)
	})
}
