package tcpmod

import (
	"runtime"
	"testing"
	"unsafe"
)

// maxIdle is the most memory that an idle connection may take, in bytes: the
// control block, its place in the table and the timer heap, and the beginning
// of its scoreboard. Buffers are lent by the endpoint while they hold something.
const maxIdle = 1800

// Ten thousand connections on one endpoint, each of which has carried a
// message each way.
func TestIdleConnectionIsSmall(t *testing.T) {
	const conns = 10000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	p := newPipe()
	sinks := make([]*sink, 0, 2*conns)
	msg := make([]byte, 1000)
	before := heap()
	for range conns {
		client, server := p.connect(t, Options{}, true)
		client.c.Write(p.Now, msg)
		p.Pump()
		p.Ends[0].Flush(p.Now)
		p.Pump()
		sinks = append(sinks, client, server)
	}
	each := int(heap()-before) / len(sinks)
	t.Logf("%d bytes, of which the TCB has %d", each, unsafe.Sizeof(TCB{}))
	if each > maxIdle {
		t.Errorf("an idle connection takes %d bytes, want at most %d", each, maxIdle)
	}
	for _, k := range sinks {
		if k.n != len(msg) {
			t.Fatalf("received %d bytes", k.n)
		}
	}
	runtime.KeepAlive(p)
}

// BenchmarkManyBusy has ten thousand connections take turns: each segment is of
// another one than the last, so that the table is searched and the cache is
// cold.
func BenchmarkManyBusy(b *testing.B) {
	const conns = 10000
	p := newPipe()
	clients := make([]*sink, conns)
	for i := range clients {
		clients[i], _ = p.connect(b, Options{}, true)
	}
	msg := make([]byte, 24)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		clients[i%conns].c.Write(p.Now, msg)
		p.Pump()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2, "ns/segment")
}
