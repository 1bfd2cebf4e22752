package tcpmod_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"golang.org/x/sys/unix"

	"deputy/internal/locked"
	"deputy/internal/netconn/conntest"
	"deputy/internal/nstest"
	"deputy/link"
	"deputy/tcpmod"
)

// Addresses of the two sides: ours in one namespace, the kernel's in another.
var (
	ourPrefix  = netip.MustParsePrefix("10.9.0.1/24")
	kernelAddr = netip.MustParseAddr("10.9.0.2")
)

// kernelOptions are what a kernel wants of its peer.
var kernelOptions = tcpmod.Options{
	Integrity: tcpmod.IntegrityChecksum, Timestamps: true, PeerAckDelay: tcpmod.LinuxAckDelay,
}

// kernel is a veth pair with our endpoint on one end and the kernel's TCP on
// the other, and a capture of all that goes over it.
type kernel struct {
	*nstest.Node // the kernel's
	node         *conntest.Node
	endpoint     *tcpmod.Endpoint
	capture      locked.Buffer // pcapng
}

// lossy is a device that loses some of the frames that it receives.
type lossy struct {
	link.Device
	rng  *rand.Rand
	loss float64
}

func (l *lossy) Receive() []byte {
	for {
		f := l.Device.Receive()
		if f == nil || l.rng.Float64() >= l.loss {
			return f
		}
		l.Release()
	}
}

// perfect and bad are what the frames between us and the kernel go through.
var (
	perfect = link.Impairment{}
	bad     = link.Impairment{Loss: 1, Reorder: 1, Duplicate: 1, Seed: 1}
)

// newKernel makes the pair. What we send meets the impairment, and of what we
// receive as much is lost.
func newKernel(t *testing.T, im link.Impairment) *kernel {
	t.Helper()
	a, b := nstest.Pair(t)
	b.OffloadsOff()
	b.SetAddr(kernelAddr.String() + "/24")
	var dev link.Device
	a.Do(func() {
		var err error
		if dev, err = link.Open(a.Iface, link.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	k := &kernel{Node: b}
	dev = &lossy{dev, rand.New(rand.NewPCG(1, 2)), float64(im.Loss) / 100}
	dev, err := link.Tap(dev, &k.capture)
	if err != nil {
		t.Fatal(err)
	}
	k.node = conntest.Start(t, dev, ourPrefix, im)
	k.endpoint = addTCP(k.node)
	return k
}

// dialer opens connections from our side.
func (k *kernel) dialer() *tcpmod.Dialer {
	return &tcpmod.Dialer{Endpoint: k.endpoint, Loop: k.node.Loop, Options: kernelOptions}
}

// listen listens on our side.
func (k *kernel) listen(t *testing.T) *tcpmod.Listener {
	t.Helper()
	l, err := tcpmod.Listen(k.endpoint, k.node.Loop, testPort, kernelOptions)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// kernelListen listens on the kernel's side.
func (k *kernel) kernelListen(t *testing.T) net.Listener {
	t.Helper()
	var l net.Listener
	k.Do(func() {
		var err error
		if l, err = net.Listen("tcp4", netip.AddrPortFrom(kernelAddr, testPort).String()); err != nil {
			t.Fatal(err)
		}
	})
	return l
}

// kernelDial connects from the kernel's side to ours. Dialing by address only,
// the dialer starts no goroutine, which would leave the namespace.
func (k *kernel) kernelDial(context.Context) (c net.Conn, err error) {
	to := net.TCPAddrFromAddrPort(netip.AddrPortFrom(ourPrefix.Addr(), testPort))
	k.Do(func() { c, err = net.DialTCP("tcp4", nil, to) })
	return c, err
}

// connect opens a connection, by us or by the kernel.
func (k *kernel) connect(t *testing.T, byUs bool) (*tcpmod.Conn, *net.TCPConn) {
	t.Helper()
	var l net.Listener
	dial := k.kernelDial
	if byUs {
		l = k.kernelListen(t)
		dial = func(ctx context.Context) (net.Conn, error) {
			return k.dialer().DialAddrPort(ctx, netip.AddrPortFrom(kernelAddr, testPort))
		}
	} else {
		l = k.listen(t)
	}
	c1, c2, stop, err := conntest.Pipe(l, dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = l.Close()
	})
	if byUs {
		return c1.(*tcpmod.Conn), c2.(*net.TCPConn)
	}
	return c2.(*tcpmod.Conn), c1.(*net.TCPConn)
}

// exchange sends n pseudo-random bytes each way at once, closes each direction
// by half, and compares.
func exchange(t *testing.T, ends [2]net.Conn, n int) {
	t.Helper()
	type half interface{ CloseWrite() error }
	errs := make(chan error, 4)
	var sums [2][sha256.Size]byte
	for i, c := range ends {
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, n)
		if _, err := rand.NewChaCha8([32]byte{byte(i)}).Read(data); err != nil {
			t.Fatal(err)
		}
		sums[i] = sha256.Sum256(data)
		go func() {
			_, err := c.Write(data)
			errs <- errors.Join(err, c.(half).CloseWrite())
		}()
	}
	for i, c := range ends {
		go func() {
			h := sha256.New()
			m, err := io.Copy(h, c)
			if err == nil && (m != int64(n) || [sha256.Size]byte(h.Sum(nil)) != sums[1-i]) {
				err = fmt.Errorf("end %d received %d bytes that differ from the %d sent", i, m, n)
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// verify looks at the capture with gopacket: every segment either way has a
// valid checksum, and the options of the SYNs are those wanted.
func (k *kernel) verify(t *testing.T) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(k.capture.Bytes()), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	segments := make(map[string]int) // by source
	for {
		b, _, err := r.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		tcp, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if tcp == nil {
			continue
		}
		segments[ip.SrcIP.String()]++
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		if sum, err := tcp.ComputeChecksum(); err != nil || sum != 0 {
			t.Errorf("checksum %#x of a segment from %v is wrong (%v, %v)", tcp.Checksum, ip.SrcIP, sum, err)
		}
		kinds := make(map[layers.TCPOptionKind]bool)
		for _, o := range tcp.Options {
			kinds[o.OptionType] = true
		}
		if !tcp.RST && !kinds[layers.TCPOptionKindTimestamps] {
			t.Errorf("a segment from %v has no timestamps: %v", ip.SrcIP, tcp.Options)
		}
		if tcp.SYN && (!kinds[layers.TCPOptionKindMSS] || !kinds[layers.TCPOptionKindWindowScale] || !kinds[layers.TCPOptionKindSACKPermitted]) {
			t.Errorf("options of a SYN from %v: %v", ip.SrcIP, tcp.Options)
		}
	}
	for _, a := range []netip.Addr{ourPrefix.Addr(), kernelAddr} {
		if segments[a.String()] == 0 {
			t.Errorf("no segments from %v", a)
		}
	}
}

// negotiated compares what both ends say of the options.
func negotiated(t *testing.T, ours *tcpmod.Conn, kernels *net.TCPConn) {
	t.Helper()
	const all = 1 | 2 | 4 // TCPI_OPT_TIMESTAMPS, _SACK and _WSCALE of linux/tcp.h
	raw, err := kernels.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if err := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if info.Options&all != all {
		t.Errorf("the kernel has the options %#x, want %#x", info.Options, all)
	}
	if i := ours.Info(); !i.SACK || !i.Timestamps || i.MSS != int(info.Snd_mss) {
		t.Errorf("ours %+v; the kernel's MSS is %d", i, info.Snd_mss)
	}
}

// bulk is how many bytes go each way.
const bulk = 4 << 20

func TestKernel(t *testing.T) {
	for _, im := range []link.Impairment{perfect, bad} {
		t.Run(im.String(), func(t *testing.T) {
			for _, we := range []string{"dial", "listen"} {
				t.Run(we, func(t *testing.T) {
					k := newKernel(t, im)
					ours, kernels := k.connect(t, we == "dial")
					negotiated(t, ours, kernels)
					exchange(t, [2]net.Conn{ours, kernels}, bulk)
					k.verify(t)
				})
			}
		})
	}
}

// Neither reads: both windows close. Then both do, and all arrives.
func TestKernelZeroWindow(t *testing.T) {
	k := newKernel(t, bad)
	ours, kernels := k.connect(t, true)
	n := fill(t, ours)
	m := fill(t, kernels)
	if ours.Info().SendWindow >= ours.Info().MSS {
		t.Errorf("the kernel's window is still open: %+v", ours.Info())
	}
	for _, x := range []struct {
		from io.Reader
		want int
	}{{kernels, n}, {ours, m}} {
		if got, err := io.Copy(io.Discard, io.LimitReader(x.from, int64(x.want))); err != nil || int(got) != x.want {
			t.Errorf("%d bytes of %d, %v", got, x.want, err)
		}
	}
	exchange(t, [2]net.Conn{ours, kernels}, 100_000)
}

// fill writes until the peer takes nothing for a while, and returns how much
// was taken.
func fill(t *testing.T, c net.Conn) int {
	t.Helper()
	p := make([]byte, 64<<10)
	total := 0
	for {
		if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Write(p)
		total += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return total
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A reset by either ends the other's connection.
func TestKernelReset(t *testing.T) {
	for _, byUs := range []bool{true, false} {
		k := newKernel(t, perfect)
		ours, kernels := k.connect(t, byUs)
		var err error
		if byUs {
			if err := ours.Abort(); err != nil {
				t.Fatal(err)
			}
			_, err = kernels.Read(make([]byte, 1))
		} else {
			if err := errors.Join(kernels.SetLinger(0), kernels.Close()); err != nil {
				t.Fatal(err)
			}
			_, err = ours.Read(make([]byte, 1))
		}
		if !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("by us %v: %v", byUs, err)
		}
	}
}
