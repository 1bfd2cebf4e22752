package sim

import (
	"bytes"
	"encoding/binary"
)

// content is what a party sends: a stream without end whose every byte follows from the seed, the party and the
// offset. A byte lost, doubled, moved or changed, or one of another connection, shows as one that differs from what
// belongs there (by chance it doesn't, in one case of 256; of the next bytes, none after a few).
type content uint64

// makeContent returns the content of party number id in the run of a seed.
func makeContent(seed uint64, id int) content { return content(mix(mix(seed) + uint64(id))) }

// mix is the finalizer of SplitMix64: every bit of x changes half of the bits of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fill writes the content from offset off on into p.
func (c content) fill(p []byte, off int) {
	var word [8]byte
	for len(p) > 0 {
		binary.LittleEndian.PutUint64(word[:], mix(uint64(c)+uint64(off/8)))
		n := copy(p, word[off%8:])
		p, off = p[n:], off+n
	}
}

// mismatch returns the index of the first byte of p that is not the content from offset off on, -1 if all are.
func (c content) mismatch(p []byte, off int) int {
	var want [512]byte
	for done := 0; done < len(p); {
		w := want[:min(len(want), len(p)-done)]
		c.fill(w, off+done)
		if got := p[done : done+len(w)]; !bytes.Equal(got, w) {
			for i := range w {
				if got[i] != w[i] {
					return done + i
				}
			}
		}
		done += len(w)
	}
	return -1
}
