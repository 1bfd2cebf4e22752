package tcpmod_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"

	"deputy/internal/netconn/conntest"
	"deputy/internal/nstest"
	"deputy/link"
	"deputy/tcpmod"
)

// BenchmarkVeth moves bulk over one connection on a veth pair with offloads
// off, by blocking calls: over tcpmod, with and without checksum, and over the
// kernel's TCP.
func BenchmarkVeth(b *testing.B) {
	for _, x := range []struct {
		name string
		o    tcpmod.Options
	}{{"tcpmod", tcpmod.Options{}}, {"tcpmod+checksum", tcpmod.Options{Integrity: tcpmod.IntegrityChecksum}}} {
		b.Run(x.name, func(b *testing.B) {
			na, nb := nstest.Pair(b)
			var nodes [2]*conntest.Node
			for i, n := range []*nstest.Node{na, nb} {
				n.OffloadsOff()
				n.Do(func() {
					dev, err := link.Open(n.Iface, link.Options{})
					if err != nil {
						b.Fatal(err)
					}
					nodes[i] = conntest.Start(b, dev, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(1 + i)}), 24), link.Impairment{})
				})
			}
			dialer := &tcpmod.Dialer{Endpoint: addTCP(nodes[0]), Loop: nodes[0].Loop, Options: x.o}
			l, err := tcpmod.Listen(addTCP(nodes[1]), nodes[1].Loop, testPort, x.o)
			if err != nil {
				b.Fatal(err)
			}
			move(b, l, func(ctx context.Context) (net.Conn, error) {
				return dialer.DialAddrPort(ctx, netip.AddrPortFrom(nodes[1].Addr, testPort))
			})
		})
	}
	b.Run("kernel", func(b *testing.B) {
		na, nb := nstest.Pair(b)
		na.OffloadsOff()
		nb.OffloadsOff()
		na.SetAddr("10.9.0.1/24")
		nb.SetAddr("10.9.0.2/24")
		var l net.Listener
		var err error
		nb.Do(func() { l, err = net.Listen("tcp4", "10.9.0.2:80") })
		if err != nil {
			b.Fatal(err)
		}
		move(b, l, func(context.Context) (c net.Conn, err error) {
			na.Do(func() {
				c, err = net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.9.0.2:80")))
			})
			return c, err
		})
	})
}

// move writes b.N times 256 KiB and waits until all is read.
func move(b *testing.B, l net.Listener, dial func(context.Context) (net.Conn, error)) {
	defer l.Close()
	c1, c2, stop, err := conntest.Pipe(l, dial)
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	const size = 256 << 10
	read := make(chan int64)
	go func() {
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c2}, make([]byte, size))
		read <- n
	}()
	p := make([]byte, size)
	b.SetBytes(size)
	n := 0
	for b.Loop() {
		if _, err := c1.Write(p); err != nil {
			b.Fatal(err)
		}
		n += size
	}
	if err := c1.Close(); err != nil {
		b.Fatal(err)
	}
	if got := <-read; got != int64(n) {
		b.Fatalf("read %d bytes of %d", got, n)
	}
}
