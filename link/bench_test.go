package link

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"deputy/internal/nstest"
)

// BenchmarkRoundTrip sends a frame to another namespace and back over a veth pair, both ends spinning on
// threads of their own, and reports the median and the 99th percentile beside the mean. A frame that is lost
// would hang it, so a lost one is sent again and counted.
func BenchmarkRoundTrip(b *testing.B) {
	for _, backend := range []string{BackendRing, BackendPacket} {
		for _, size := range []int{64, 1080} {
			b.Run(backend+"/"+itoa(size), func(b *testing.B) {
				benchmarkRoundTrip(b, Options{Backend: backend}, size)
			})
		}
	}
	b.Run("ring/64/bypass", func(b *testing.B) {
		benchmarkRoundTrip(b, Options{Backend: BackendRing, QdiscBypass: true}, 64)
	})
}

func benchmarkRoundTrip(b *testing.B, o Options, size int) {
	na, nb := nstest.Pair(b)
	da, db := openIn(b, na, o), openIn(b, nb, o)

	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		out := db.Buffer()
		putHeader(out, da.Addr(), db.Addr(), EtherTypeIPv4)
		for !stop.Load() {
			f := db.Receive()
			if f == nil {
				continue
			}
			n := copy(out[HeaderLen:], f[HeaderLen:])
			db.Release()
			_ = db.Send(HeaderLen + n)
		}
	}()
	defer func() {
		stop.Store(true)
		<-done
	}()

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	putHeader(da.Buffer(), db.Addr(), da.Addr(), EtherTypeIPv4)
	rtt := make([]time.Duration, 0, 1<<20)
	lost := 0
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		_ = da.Send(size)
		for da.Receive() == nil {
			if time.Since(start) > 100*time.Millisecond {
				lost++
				break
			}
		}
		da.Release()
		if len(rtt) < cap(rtt) {
			rtt = append(rtt, time.Since(start))
		}
	}
	slices.Sort(rtt)
	us := func(p float64) float64 { return float64(rtt[int(p*float64(len(rtt)-1))]) / 1e3 }
	b.ReportMetric(us(0.5), "p50-us")
	b.ReportMetric(us(0.99), "p99-us")
	b.ReportMetric(float64(lost), "lost")
}
