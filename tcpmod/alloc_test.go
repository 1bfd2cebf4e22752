package tcpmod

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/congestion"
)

// pipe joins two endpoints without delay or allocation: sent segments wait in
// slots until pump delivers them.
type pipe struct {
	ends  [2]*Endpoint
	ports [2]pipePort
	now   time.Duration
}

type pipePort struct {
	addr  netip.Addr
	slots [256][1480]byte
	lens  [256]int
	head  int
	tail  int
}

func (p *pipePort) Addr() netip.Addr { return p.addr }
func (p *pipePort) MTU() int         { return len(p.slots[0]) }
func (p *pipePort) Buffer() []byte   { return p.slots[p.tail%len(p.slots)][:] }
func (p *pipePort) Send(_ time.Duration, _ netip.Addr, n int) error {
	if p.tail-p.head == len(p.slots)-1 {
		return nil // full: lost
	}
	p.lens[p.tail%len(p.slots)] = n
	p.tail++
	return nil
}

// lose drops the segment that waits at place i, if there is one.
func (p *pipePort) lose(i int) {
	if i < p.tail-p.head {
		p.lens[(p.head+i)%len(p.slots)] = 0
	}
}

func newPipe() *pipe {
	p := &pipe{}
	for i := range p.ends {
		p.ports[i].addr = simAddrs[i]
		p.ends[i] = New(&p.ports[i], Config{Seed: &[32]byte{byte(i)}})
	}
	return p
}

// pump delivers what was sent, and what that causes, until all is quiet.
func (p *pipe) pump() {
	for busy := true; busy; {
		busy = false
		for i := range p.ports {
			from := &p.ports[i]
			for from.head != from.tail {
				k := from.head % len(from.slots)
				p.now += 100 * time.Nanosecond
				p.ends[1-i].Receive(p.now, simAddrs[i], simAddrs[1-i], from.slots[k][:from.lens[k]])
				from.head++
				busy = true
			}
			if p.ends[i].Deadline() <= p.now {
				p.ends[i].Advance(p.now)
			}
		}
	}
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
	p.ends[1].Unlisten(80)
	err := p.ends[1].Listen(80, o, func(_ time.Duration, c *TCB) Events { server.c = c; return server })
	if err != nil {
		t.Fatal(err)
	}
	if client.c, err = p.ends[0].Dial(p.now, netip.AddrPortFrom(simAddrs[1], 80), o, client); err != nil {
		t.Fatal(err)
	}
	p.pump()
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
				sent += client.c.Write(p.now, msg)
				p.pump()
				p.ends[0].Flush(p.now)
				p.ends[1].Flush(p.now)
				p.pump()
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
		sent += client.c.Write(p.now, msg)
		p.ports[0].lose(0) // the first, and every third
		for i := 2; i < 15; i += 3 {
			p.ports[0].lose(i)
		}
		p.pump()
		p.now += 10 * time.Millisecond
		for range 5 {
			p.ends[0].Advance(p.now)
			p.ends[1].Advance(p.now)
			p.pump()
		}
	}
	for range 100 {
		round()
	}
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
	if server.n == 0 || p.ends[0].Stats().Retransmissions == 0 {
		t.Errorf("got %d, %+v", server.n, p.ends[0].Stats())
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
				client.c.Write(p.now, msg)
				p.pump()
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
				sent += client.c.Write(p.now, msg)
				p.pump()
			}
			if server.n != sent {
				b.Fatalf("sent %d, received %d", sent, server.n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/44, "ns/segment")
		})
	}
}
