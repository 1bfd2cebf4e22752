package sim

import (
	"testing"

	"deputy/internal/checksum"
	"deputy/ipx"
	"deputy/link"
)

func TestContentMismatch(t *testing.T) {
	c, other := makeContent(7, 1), makeContent(7, 2)
	b := make([]byte, 3000)
	for _, off := range []int{0, 1, 7, 8, 13, 1 << 20} {
		c.fill(b, off)
		if i := c.mismatch(b, off); i != -1 {
			t.Errorf("own content at %d: mismatch at %d", off, i)
		}
		if i := c.mismatch(b[5:], off+5); i != -1 {
			t.Errorf("own content from the middle, at %d: mismatch at %d", off, i)
		}
		for what, i := range map[string]int{
			"a byte lost":      c.mismatch(b[1:], off),
			"a byte twice":     c.mismatch(append([]byte{b[0]}, b...), off),
			"another's":        other.mismatch(b, off),
			"8 bytes too late": c.mismatch(b, off+8),
		} {
			if i < 0 || i > 16 {
				t.Errorf("%s, at %d: mismatch at %d, want one of the first bytes", what, off, i)
			}
		}
		b[2000] ^= 0x10
		if i := c.mismatch(b, off); i != 2000 {
			t.Errorf("byte 2000 changed, at %d: mismatch at %d", off, i)
		}
	}
}

// TestCorruptionIsFound holds what corrupt promises of the ones' complement sum, of the header and of what follows.
func TestCorruptionIsFound(t *testing.T) {
	r := newRand(1, 2)
	changed := 0
	for range 20_000 {
		frame := make([]byte, link.HeaderLen+ipx.HeaderLen+20+r.IntN(40))
		for i := range frame {
			frame[i] = byte(r.Uint32())
		}
		frame[12], frame[13], frame[link.HeaderLen] = 0x08, 0x00, 0x45
		header, rest := frame[link.HeaderLen:][:ipx.HeaderLen], frame[link.HeaderLen+ipx.HeaderLen:]
		sums := func() [2]uint16 {
			return [2]uint16{checksum.Fold(checksum.Sum(header, 0)), checksum.Fold(checksum.Sum(rest, 0))}
		}
		before := sums()
		if corrupt(r, frame) {
			changed++
			if sums() == before {
				t.Fatalf("the sums are the same after a change: %x", frame)
			}
		}
	}
	if changed < 10_000 {
		t.Errorf("%d of 20,000 frames changed", changed)
	}
	frame := make([]byte, 60)
	frame[12], frame[13] = 0x08, 0x06
	if corrupt(r, frame) {
		t.Error("ARP was corrupted, which has no checksum")
	}
}
