package engine

import (
	"net/netip"
	"testing"

	"deputy/ipx"
	"deputy/link"
)

// What a turn costs that finds nothing, of which a spin is made.
func BenchmarkIdleTurn(b *testing.B) {
	l := benchLoop(b)
	b.ReportAllocs()
	for b.Loop() {
		l.turn(0)
	}
}

// What a turn costs that takes one frame, which IP drops.
func BenchmarkTurn(b *testing.B) {
	l := benchLoop(b)
	l.port.dev = &oneFrame{Device: l.port.dev, frame: make([]byte, 60)}
	b.ReportAllocs()
	for b.Loop() {
		l.turn(0)
	}
}

// oneFrame is a device that has a frame every other time.
type oneFrame struct {
	link.Device
	frame []byte
	empty bool
}

func (d *oneFrame) Receive() []byte {
	if d.empty = !d.empty; d.empty {
		return d.frame
	}
	return nil
}

func (d *oneFrame) Release() {}

func benchLoop(b *testing.B) *Loop {
	dev, _ := link.NewPair(1500, link.Addr{2, 0, 0, 0, 0, 1}, link.Addr{2, 0, 0, 0, 0, 2})
	stack, err := ipx.New(dev, ipx.Config{Prefix: netip.MustParsePrefix("10.0.0.1/8")})
	if err != nil {
		b.Fatal(err)
	}
	l, err := New(dev, stack, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}
