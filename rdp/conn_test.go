package rdp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"deputy/internal/congestion"
	"deputy/internal/netconn/conntest"
	"deputy/ipx"
	"deputy/link"
	"deputy/rdp"
)

// What IP and rdp are to each other.
var (
	_ rdp.DatagramNetwork = (*ipx.Port)(nil)
	_ ipx.StatusHandler   = (*rdp.Endpoint)(nil)
)

const testPort = 7

// blocking is two nodes with rdp: a listener on one, a dialer on the other.
type blocking struct {
	listener *rdp.Listener
	dialer   *rdp.Dialer
	server   netip.AddrPort
}

func newBlocking(t *testing.T, stream bool, o rdp.Options, im link.Impairment) *blocking {
	t.Helper()
	a, b := conntest.Pair(t, im)
	client, server := addRDP(a), addRDP(b)
	listen := rdp.Listen
	if stream {
		listen = rdp.ListenStream
	}
	l, err := listen(server, b.Loop, testPort, o)
	if err != nil {
		t.Fatal(err)
	}
	return &blocking{
		listener: l,
		dialer:   &rdp.Dialer{Endpoint: client, Loop: a.Loop, Options: o, Stream: stream},
		server:   netip.AddrPortFrom(b.Addr, testPort),
	}
}

// addRDP puts rdp on a node.
func addRDP(n *conntest.Node) *rdp.Endpoint {
	e := rdp.New(n.Stack.Port(rdp.Protocol), rdp.Config{})
	n.Add(rdp.Protocol, e)
	return e
}

func (f *blocking) dial(ctx context.Context) (net.Conn, error) {
	return f.dialer.DialContext(ctx, "rdp", f.server.String())
}

// pipe connects the two.
func (f *blocking) pipe(t *testing.T) (client, server *rdp.Conn) {
	t.Helper()
	a, b, stop, err := conntest.Pipe(f.listener, f.dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return a.(*rdp.Conn), b.(*rdp.Conn)
}

// TestNettestConn: nettest keeps its messages to 1,024 bytes and its reads at least as long as the messages, for the
// sake of connections like unixpacket, so both faces pass all of it.
func TestNettestConn(t *testing.T) {
	for name, stream := range map[string]bool{"messages": false, "stream": true} {
		t.Run(name, func(t *testing.T) {
			f := newBlocking(t, stream, rdp.Options{}, link.Impairment{})
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				return conntest.Pipe(f.listener, f.dial)
			})
		})
	}
}

func TestMessageBoundaries(t *testing.T) {
	f := newBlocking(t, false, rdp.Options{}, link.Impairment{Loss: 2, Reorder: 2, Duplicate: 1, Seed: 1})
	client, server := f.pipe(t)
	longest := client.MaxMessage()
	if longest != conntest.MTU-20-rdp.HeaderLen {
		t.Errorf("MaxMessage %d", longest)
	}
	sizes := []int{1, 2, longest, 1, 700, longest - 1}
	go func() {
		for i := range 300 {
			if n, err := client.Write(bytes.Repeat([]byte{byte(i)}, sizes[i%len(sizes)])); err != nil || n != sizes[i%len(sizes)] {
				t.Errorf("Write %d: %d, %v", i, n, err)
			}
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}()
	buf := make([]byte, 2*longest)
	for i := range 300 {
		n, err := server.Read(buf)
		if err != nil || n != sizes[i%len(sizes)] || bytes.Count(buf[:n], []byte{byte(i)}) != n {
			t.Fatalf("Read %d: %d bytes, want %d; %v", i, n, sizes[i%len(sizes)], err)
		}
	}
	if _, err := server.Read(buf); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// TestLargeMessagesOverIP: messages up to the longest that IP carries, in fragments of which some are lost.
func TestLargeMessagesOverIP(t *testing.T) {
	for _, checksum := range []bool{false, true} {
		o := rdp.Options{SegmentSize: 65535, Checksum: checksum, Congestion: congestion.Cubic}
		f := newBlocking(t, false, o, link.Impairment{Loss: 0.5, Reorder: 1, Duplicate: 0.5, Seed: 3})
		client, server := f.pipe(t)
		longest := client.MaxMessage()
		if want := 65535 - 20 - rdp.HeaderLen; longest != want {
			t.Errorf("MaxMessage %d, want %d", longest, want)
		}
		sizes := []int{longest, 1, 1462, 1463, 20_000}
		go func() {
			for i := range 60 {
				if _, err := client.Write(bytes.Repeat([]byte{byte(i)}, sizes[i%len(sizes)])); err != nil {
					t.Errorf("Write %d: %v", i, err)
				}
			}
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}()
		buf := make([]byte, longest)
		for i := range 60 {
			n, err := server.Read(buf)
			if err != nil || n != sizes[i%len(sizes)] || bytes.Count(buf[:n], []byte{byte(i)}) != n {
				t.Fatalf("Read %d: %d bytes, want %d; %v", i, n, sizes[i%len(sizes)], err)
			}
		}
		if _, err := server.Read(buf); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if i := client.Info(); i.LargeSent < 36 {
			t.Errorf("%d large segments", i.LargeSent)
		}
	}
}

// ended keeps why a connection ended.
type ended struct{ err error }

func (*ended) OnOpen(time.Duration)               {}
func (*ended) OnSpace(time.Duration)              {}
func (*ended) OnData(time.Duration, []byte) int   { return 0 }
func (e *ended) OnEnd(_ time.Duration, err error) { e.err = err }

// TestHostUnreachable, on virtual time: that ARP has no answer comes from IP as a status, and is the cause of the
// timeout.
func TestHostUnreachable(t *testing.T) {
	dev, _ := link.NewPair(conntest.MTU, link.Addr{2, 0, 0, 0, 0, 1}, link.Addr{2, 0, 0, 0, 0, 2})
	stack, err := ipx.New(dev, ipx.Config{Prefix: netip.MustParsePrefix("10.0.0.1/24")})
	if err != nil {
		t.Fatal(err)
	}
	e := rdp.New(stack.Port(rdp.Protocol), rdp.Config{})
	stack.Handle(rdp.Protocol, e)
	var end ended
	if _, err := e.Dial(0, netip.MustParseAddrPort("10.0.0.99:7"), rdp.Options{}, &end); err != nil {
		t.Fatal(err)
	}
	for now := time.Duration(0); end.err == nil; now = min(stack.Deadline(), e.Deadline()) {
		if now > time.Minute {
			t.Fatal("no end")
		}
		stack.Advance(now)
		e.Advance(now)
	}
	if !errors.Is(end.err, rdp.ErrTimeout) || !errors.Is(end.err, syscall.EHOSTUNREACH) {
		t.Errorf("nobody has the address: %v", end.err)
	}
}

func TestMessageSizes(t *testing.T) {
	f := newBlocking(t, false, rdp.Options{SegmentSize: 138}, link.Impairment{})
	client, server := f.pipe(t)
	if n, err := client.Write(make([]byte, 101)); n != 0 || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("a message too long: %d, %v", n, err)
	}
	for _, message := range []string{"first", "second"} {
		if _, err := client.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 3)
	if n, err := server.Read(buf); n != 3 || string(buf) != "fir" || !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("a buffer too short: %q, %v", buf[:n], err)
	}
	buf = make([]byte, 10)
	if n, err := server.Read(buf); err != nil || string(buf[:n]) != "second" {
		t.Errorf("the next message: %q, %v", buf[:n], err)
	}
}

func TestStream(t *testing.T) {
	f := newBlocking(t, true, rdp.Options{SendBuffer: 10_000}, link.Impairment{Loss: 1, Reorder: 1, Seed: 2})
	client, server := f.pipe(t)
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	go func() {
		if n, err := client.Write(want); n != len(want) || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}()
	got, err := io.ReadAll(server)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestConnErrors(t *testing.T) {
	f := newBlocking(t, false, rdp.Options{}, link.Impairment{})
	client, server := f.pipe(t)
	if err := server.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read after the peer's Abort: %v", err)
	}
	if _, err := client.Write(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Write after the peer's Abort: %v", err)
	}
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Abort: %v", err)
	}

	if _, err := rdp.Listen(f.dialer.Endpoint, f.dialer.Loop, 0, rdp.Options{}); !errors.Is(err, rdp.ErrAddress) {
		t.Errorf("Listen at port 0: %v", err)
	}
	arrival := rdp.Options{ArrivalOrder: true}
	if _, err := rdp.ListenStream(f.dialer.Endpoint, f.dialer.Loop, 1, arrival); !errors.Is(err, rdp.ErrOptions) {
		t.Errorf("a stream in the order of arrival: %v", err)
	}
	stream := rdp.Dialer{Endpoint: f.dialer.Endpoint, Loop: f.dialer.Loop, Options: arrival, Stream: true}
	if _, err := stream.DialAddrPort(t.Context(), f.server); !errors.Is(err, rdp.ErrOptions) {
		t.Errorf("a stream in the order of arrival: %v", err)
	}
	if _, err := f.dialer.DialContext(t.Context(), "", "nobody"); err == nil {
		t.Error("an address that is none is dialled")
	}
	f.server = netip.AddrPortFrom(f.server.Addr(), testPort+1)
	if _, err := f.dial(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	f.server = netip.AddrPortFrom(netip.MustParseAddr("10.0.0.99"), testPort)
	if _, err := f.dial(ctx); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nobody there: %v", err)
	}
	if err := f.listener.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
}
