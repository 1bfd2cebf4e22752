package ipx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/netconn/conntest"
	"deputy/ipx"
	"deputy/link"
	"deputy/rdp"
	"deputy/tcpmod"
)

// gatewayNode is a node whose loop drives two devices, with routes on the second.
func gatewayNode(t *testing.T, first, second link.Device, one, two string, routes ...ipx.Route) (node *conntest.Node, other *ipx.Stack) {
	t.Helper()
	node = conntest.Start(t, first, netip.MustParsePrefix(one), link.Impairment{})
	other, err := ipx.New(second, ipx.Config{Prefix: netip.MustParsePrefix(two), Routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	node.Loop.Do(func(time.Duration) {
		if err = node.Loop.AddDevice(second, other); err == nil {
			_, err = ipx.NewGateway(node.Stack, other)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return node, other
}

// Both transports across two gateways, g and h, with a narrow network between
// them, of which the ends know nothing. They learn the path MTU from the
// reports of g and then send what it carries, but for messages that are larger.
func TestTransportsAcrossGateways(t *testing.T) {
	hw := func(n byte) link.Addr { return link.Addr{2, 0, 0, 0, 0, n} }
	atA, nearA := link.NewPair(9000, hw(1), hw(2))
	narrowG, narrowH := link.NewPair(1000, hw(3), hw(4))
	nearB, atB := link.NewPair(9000, hw(5), hw(6))
	a := conntest.Start(t, atA, netip.MustParsePrefix("10.0.1.2/24"), link.Impairment{})
	b := conntest.Start(t, atB, netip.MustParsePrefix("10.0.3.2/24"), link.Impairment{})
	g, otherG := gatewayNode(t, nearA, narrowG, "10.0.1.1/24", "10.0.2.1/24",
		ipx.Route{Prefix: netip.MustParsePrefix("10.0.3.0/24"), Via: netip.MustParseAddr("10.0.2.2")})
	h, _ := gatewayNode(t, nearB, narrowH, "10.0.3.1/24", "10.0.2.2/24",
		ipx.Route{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Via: netip.MustParseAddr("10.0.2.1")})
	for end, by := range map[*conntest.Node]*conntest.Node{a: g, b: h} {
		var err error
		end.Loop.Do(func(time.Duration) {
			err = end.Stack.AddRoute(ipx.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Via: by.Addr})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	server := netip.AddrPortFrom(b.Addr, 7).String()

	tcpA, tcpB := tcpmod.New(a.Stack.Port(tcpmod.Protocol), tcpmod.Config{}), tcpmod.New(b.Stack.Port(tcpmod.Protocol), tcpmod.Config{})
	a.Add(tcpmod.Protocol, tcpA)
	b.Add(tcpmod.Protocol, tcpB)
	tcpListener, err := tcpmod.Listen(tcpB, b.Loop, 7, tcpmod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tcpDialer := &tcpmod.Dialer{Endpoint: tcpA, Loop: a.Loop}
	upload(t, tcpListener, 1<<20, 1<<20, func(ctx context.Context) (net.Conn, error) { return tcpDialer.DialContext(ctx, "", server) })

	rdpA, rdpB := rdp.New(a.Stack.Port(rdp.Protocol), rdp.Config{}), rdp.New(b.Stack.Port(rdp.Protocol), rdp.Config{})
	a.Add(rdp.Protocol, rdpA)
	b.Add(rdp.Protocol, rdpB)
	for _, o := range []rdp.Options{{}, {SegmentSize: 60_000}} {
		l, err := rdp.Listen(rdpB, b.Loop, 8, o)
		if err != nil {
			t.Fatal(err)
		}
		size := max(o.SegmentSize-10_000, 5000)
		d := &rdp.Dialer{Endpoint: rdpA, Loop: a.Loop, Options: o}
		upload(t, l, 20*size, size, func(ctx context.Context) (net.Conn, error) {
			return d.DialContext(ctx, "", netip.AddrPortFrom(b.Addr, 8).String())
		})
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}

	var statsA, statsG, statsOther, statsB ipx.Stats
	mtu := 0
	a.Loop.Do(func(time.Duration) { statsA, mtu = a.Stack.Stats(), a.Stack.Port(tcpmod.Protocol).PathMTU(b.Addr) })
	g.Loop.Do(func(time.Duration) { statsG, statsOther = g.Stack.Stats(), otherG.Stats() })
	b.Loop.Do(func(time.Duration) { statsB = b.Stack.Stats() })
	if mtu != 980 || statsA.ICMP.ErrorsReceived == 0 || statsG.Input.TooLarge == 0 {
		t.Errorf("a knows the path MTU %d after %d reports of %d datagrams that were too large", mtu, statsA.ICMP.ErrorsReceived, statsG.Input.TooLarge)
	}
	if statsA.DatagramsFragmented < 20 || statsOther.FragmentsSent != 0 || statsB.DatagramsReassembled < 20 {
		t.Errorf("a fragmented %d datagrams, the gateway sent %d fragments, b put %d datagrams together",
			statsA.DatagramsFragmented, statsOther.FragmentsSent, statsB.DatagramsReassembled)
	}
}

// upload sends size bytes to whom the listener accepts, in writes of at most
// the given size, and compares what arrives.
func upload(t *testing.T, l net.Listener, size, write int, dial func(context.Context) (net.Conn, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client, server, stop, err := conntest.Pipe(l, func(context.Context) (net.Conn, error) { return dial(ctx) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	deadline, _ := ctx.Deadline()
	if err := errors.Join(client.SetDeadline(deadline), server.SetDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	sent := make([]byte, size)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range sent {
		sent[i] = byte(random.Uint32())
	}
	written := make(chan error, 1)
	go func() {
		for rest := sent; len(rest) > 0; rest = rest[min(write, len(rest)):] {
			if _, err := client.Write(rest[:min(write, len(rest))]); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	got := make([]byte, size)
	n, err := io.ReadFull(server, got)
	if err = errors.Join(err, <-written); err != nil || !bytes.Equal(got[:n], sent) {
		t.Errorf("%d of %d bytes: %v", n, size, err)
	}
}
