package rdp

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// pipe joins two endpoints without delay or allocation: sent segments wait in slots until pump delivers them.
type pipe struct {
	ends  [2]*Endpoint
	ports [2]pipePort
	now   time.Duration
	drop  int // of the segments that end 0 sends next
}

type pipePort struct {
	addr       netip.Addr
	slots      [1024][1480]byte
	lens       [1024]int
	head, tail int
}

func (p *pipePort) Addr() netip.Addr { return p.addr }
func (p *pipePort) MTU() int         { return len(p.slots[0]) }
func (p *pipePort) Buffer() []byte   { return p.slots[p.tail%len(p.slots)][:] }
func (p *pipePort) Send(_ time.Duration, _ netip.Addr, n int) error {
	if p.tail-p.head < len(p.slots)-1 { // else full: lost
		p.lens[p.tail%len(p.slots)] = n
		p.tail++
	}
	return nil
}

func newPipe() *pipe {
	p := &pipe{}
	for i := range p.ends {
		p.ports[i].addr = scriptAddrs[i]
		p.ends[i] = New(&p.ports[i], Config{Secret: [32]byte{byte(i + 1)}})
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
				if i == 0 && p.drop > 0 {
					p.drop--
				} else {
					p.ends[1-i].Receive(p.now, scriptAddrs[i], scriptAddrs[1-i], from.slots[k][:from.lens[k]])
				}
				from.head++
				busy = true
			}
			if p.ends[i].Deadline() <= p.now {
				p.ends[i].Advance(p.now)
			}
		}
	}
}

// settle delivers everything, held ACKs too.
func (p *pipe) settle() {
	p.pump()
	for _, e := range p.ends {
		e.Flush(p.now)
	}
	p.pump()
}

// sink takes everything, and sends it back if echo is set.
type sink struct {
	r    *Record
	echo bool
	n    int
}

func (k *sink) OnOpen(time.Duration)       {}
func (k *sink) OnSpace(time.Duration)      {}
func (k *sink) OnEnd(time.Duration, error) {}
func (k *sink) OnData(now time.Duration, p []byte) int {
	k.n += len(p)
	if k.echo {
		k.r.Write(now, p)
	}
	return len(p)
}

func (p *pipe) connect(t testing.TB, o Options, echo bool) (client, server *sink) {
	t.Helper()
	client, server = &sink{}, &sink{echo: echo}
	p.ends[1].Unlisten(p.now, 80)
	err := p.ends[1].Listen(80, o, func(_ time.Duration, r *Record) Events { server.r = r; return server })
	if err != nil {
		t.Fatal(err)
	}
	if client.r, err = p.ends[0].Dial(p.now, netip.AddrPortFrom(scriptAddrs[1], 80), o, client); err != nil {
		t.Fatal(err)
	}
	p.pump()
	if server.r == nil || server.r.State() != StateOpen {
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
		drop int // segments lost in each round
	}{
		{"request and response", Options{}, 24, true, 0},
		{"with checksum", Options{Checksum: true}, 24, true, 0},
		{"bulk", Options{}, 64 << 10, false, 0},
		{"bulk in arrival order", Options{ArrivalOrder: true}, 64 << 10, false, 0},
		{"holes", Options{}, 64 << 10, false, 2},
		{"holes in arrival order", Options{ArrivalOrder: true}, 64 << 10, false, 2},
		{"lost requests", Options{}, 24, true, 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := newPipe()
			client, server := p.connect(t, x.o, x.echo)
			message := make([]byte, x.size)
			sent := 0
			round := func() {
				p.drop = x.drop
				sent += client.r.Write(p.now, message)
				p.settle()
				for client.r.Info().Unacked > 0 {
					p.now = max(p.now, p.ends[0].Deadline())
					p.ends[0].Advance(p.now)
					p.settle()
				}
			}
			for range 200 {
				round()
			}
			if n := testing.AllocsPerRun(500, round); n != 0 {
				t.Errorf("%v allocations a round", n)
			}
			if server.n != sent || x.echo && client.n != sent {
				t.Errorf("sent %d, got %d and %d back", sent, server.n, client.n)
			}
			if i := client.r.Info(); (i.Timeouts+i.FastResends+i.TailProbes > 0) != (x.drop > 0) {
				t.Errorf("%d timeouts, %d fast, %d probes", i.Timeouts, i.FastResends, i.TailProbes)
			}
		})
	}
}

// heap returns the bytes in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkPingPong: one message each way, and so two segments.
func BenchmarkPingPong(b *testing.B) {
	for _, x := range []struct {
		name  string
		o     Options
		conns int
	}{{"none", Options{}, 1}, {"checksum", Options{Checksum: true}, 1}, {"conns=10000", Options{Backlog: 1}, 10000}} {
		b.Run(x.name, func(b *testing.B) {
			p := newPipe()
			var client *sink
			before := heap()
			for range x.conns {
				client, _ = p.connect(b, x.o, true)
			}
			idle := float64(heap()-before) / float64(2*x.conns)
			message := make([]byte, 24)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				client.r.Write(p.now, message)
				p.pump()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*b.N), "ns/segment")
			if x.conns > 1 {
				b.ReportMetric(idle, "B/connection")
			}
		})
	}
}

// BenchmarkBulk: 64 KiB one way, 45 segments and their acknowledgements.
func BenchmarkBulk(b *testing.B) {
	for _, x := range []struct {
		name string
		o    Options
	}{{"none", Options{}}, {"checksum", Options{Checksum: true}}} {
		b.Run(x.name, func(b *testing.B) {
			p := newPipe()
			client, _ := p.connect(b, x.o, false)
			message := make([]byte, 64<<10)
			b.ReportAllocs()
			b.SetBytes(int64(len(message)))
			b.ResetTimer()
			for range b.N {
				client.r.Write(p.now, message)
				p.pump()
			}
			segments := client.r.Info().SegmentsSent + client.r.Info().SegmentsReceived
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(segments), "ns/segment")
		})
	}
}
