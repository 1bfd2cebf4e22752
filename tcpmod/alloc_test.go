package tcpmod

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/congestion"
	"deputy/internal/wire"
)

// pipe is two endpoints joined without delay or allocation.
type pipe struct{ *wire.Pipe[*Endpoint] }

func newPipe() *pipe {
	p := &pipe{wire.NewPipe[*Endpoint]()}
	for i := range p.Ends {
		p.Ends[i] = New(p.Ports[i], Config{Seed: &[32]byte{byte(i)}})
	}
	return p
}

// sink takes everything, and answers every message if echo is set.
type sink struct {
	c    *TCB
	echo bool
	n    int
}

func (k *sink) OnOpen(time.Duration)       {}
func (k *sink) OnSpace(time.Duration)      {}
func (k *sink) OnEnd(time.Duration, error) {}
func (k *sink) OnData(now time.Duration, p []byte) int {
	k.n += len(p)
	if k.echo {
		k.c.Write(now, p)
	}
	return len(p)
}

func (p *pipe) connect(t testing.TB, o Options, echo bool) (client, server *sink) {
	t.Helper()
	client, server = &sink{}, &sink{echo: echo}
	p.Ends[1].Unlisten(80)
	err := p.Ends[1].Listen(80, o, func(_ time.Duration, c *TCB) Events { server.c = c; return server })
	if err != nil {
		t.Fatal(err)
	}
	if client.c, err = p.Ends[0].Dial(p.Now, netip.AddrPortFrom(wire.Addrs[1], 80), o, client); err != nil {
		t.Fatal(err)
	}
	p.Pump()
	if server.c == nil || server.c.State() != Established {
		t.Fatal("not connected")
	}
	return client, server
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, x := range []struct {
		name string
		o    Options
		size int
		echo bool
	}{
		{"request and response", Options{}, 24, true},
		{"with checksum", Options{Integrity: IntegrityChecksum}, 24, true},
		{"with CRC", Options{Integrity: IntegrityCRC32C}, 24, true},
		{"with timestamps", Options{Timestamps: true}, 24, true},
		{"bulk", Options{}, 64 << 10, false},
		{"bulk with CUBIC", Options{Congestion: congestion.Cubic}, 64 << 10, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := newPipe()
			client, server := p.connect(t, x.o, x.echo)
			msg := make([]byte, x.size)
			sent := 0
			round := func() {
				sent += client.c.Write(p.Now, msg)
				p.Settle()
			}
			for range 100 {
				round()
			}
			if n := testing.AllocsPerRun(1000, round); n != 0 {
				t.Errorf("%v allocations a round", n)
			}
			if server.n != sent || (x.echo && client.n != sent) {
				t.Errorf("sent %d, got %d and %d back", sent, server.n, client.n)
			}
		})
	}
}

// Segments out of order and duplicates allocate nothing either, once the
// receive buffer has its memory.
func TestRecoveryAllocatesNothing(t *testing.T) {
	for _, o := range []Options{{}, {NoSACK: true}, {Congestion: congestion.Cubic, Timestamps: true, Integrity: IntegrityCRC32C}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) { recoverWithoutAllocating(t, o) })
	}
}

func recoverWithoutAllocating(t *testing.T, o Options) {
	p := newPipe()
	client, server := p.connect(t, o, false)
	msg := make([]byte, 20*1460)
	sent := 0
	round := func() {
		sent += client.c.Write(p.Now, msg)
		p.Ports[0].Lose(0) // the first, and every third
		for i := 2; i < 15; i += 3 {
			p.Ports[0].Lose(i)
		}
		p.Pump()
		p.Now += 10 * time.Millisecond
		for range 5 {
			p.Ends[0].Advance(p.Now)
			p.Ends[1].Advance(p.Now)
			p.Pump()
		}
	}
	for range 100 {
		round()
	}
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
	if server.n == 0 || p.Ends[0].Stats().Retransmissions == 0 {
		t.Errorf("got %d, %+v", server.n, p.Ends[0].Stats())
	}
}

func BenchmarkPingPong(b *testing.B) {
	for _, x := range []struct {
		name  string
		o     Options
		conns int
	}{{"none", Options{}, 1}, {"checksum", Options{Integrity: IntegrityChecksum}, 1}, {"crc", Options{Integrity: IntegrityCRC32C}, 1}, {"timestamps", Options{Timestamps: true}, 1}, {"conns=10000", Options{}, 10000}} {
		b.Run(x.name, func(b *testing.B) {
			p := newPipe()
			var client *sink
			for range x.conns {
				client, _ = p.connect(b, x.o, true)
			}
			msg := make([]byte, 24)
			b.ReportAllocs()
			for b.Loop() {
				client.c.Write(p.Now, msg)
				p.Pump()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2, "ns/segment")
		})
	}
}

func BenchmarkBulk(b *testing.B) {
	for _, x := range []struct {
		name string
		o    Options
	}{{"none", Options{}}, {"checksum", Options{Integrity: IntegrityChecksum}}, {"crc", Options{Integrity: IntegrityCRC32C}}, {"timestamps", Options{Timestamps: true}}} {
		b.Run(x.name, func(b *testing.B) {
			p := newPipe()
			client, server := p.connect(b, x.o, false)
			msg := make([]byte, 44*1460)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			sent := 0
			for b.Loop() {
				sent += client.c.Write(p.Now, msg)
				p.Pump()
			}
			if server.n != sent {
				b.Fatalf("sent %d, received %d", sent, server.n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/44, "ns/segment")
		})
	}
}
