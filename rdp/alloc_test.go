package rdp

import (
	"net/netip"
	"runtime"
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
		p.Ends[i] = New(p.Ports[i], Config{Secret: [32]byte{byte(i + 1)}})
	}
	return p
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
	p.Ends[1].Unlisten(p.Now, 80)
	err := p.Ends[1].Listen(80, o, func(_ time.Duration, r *Record) Events { server.r = r; return server })
	if err != nil {
		t.Fatal(err)
	}
	if client.r, err = p.Ends[0].Dial(p.Now, netip.AddrPortFrom(wire.Addrs[1], 80), o, client); err != nil {
		t.Fatal(err)
	}
	p.Pump()
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
		drop int // segments lost in each round, the first
	}{
		{"request and response", Options{}, 24, true, 0},
		{"with checksum", Options{Checksum: true}, 24, true, 0},
		{"bulk", Options{}, 64 << 10, false, 0},
		{"bulk in arrival order", Options{ArrivalOrder: true}, 64 << 10, false, 0},
		{"holes", Options{}, 64 << 10, false, 2},
		{"holes in arrival order", Options{ArrivalOrder: true}, 64 << 10, false, 2},
		{"lost requests", Options{}, 24, true, 1},
		{"holes with Reno", Options{Congestion: congestion.Reno}, 64 << 10, false, 2},
		{"holes with CUBIC", Options{Congestion: congestion.Cubic}, 64 << 10, false, 2},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := newPipe()
			client, server := p.connect(t, x.o, x.echo)
			message := make([]byte, x.size)
			sent := 0
			round := func() {
				sent += client.r.Write(p.Now, message)
				for i := range x.drop {
					p.Ports[0].Lose(i)
				}
				p.Settle()
				for client.r.Info().Unacked > 0 {
					p.Now = max(p.Now, p.Ends[0].Deadline())
					p.Ends[0].Advance(p.Now)
					p.Settle()
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
				client.r.Write(p.Now, message)
				p.Pump()
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
				client.r.Write(p.Now, message)
				p.Pump()
			}
			segments := client.r.Info().SegmentsSent + client.r.Info().SegmentsReceived
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(segments), "ns/segment")
		})
	}
}
