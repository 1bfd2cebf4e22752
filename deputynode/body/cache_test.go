package body

import (
	"bytes"
	"testing"
)

func key(i int) pageKey { return pageKey{[16]byte{byte(i), byte(i >> 8)}, 0, 1 << 20} }

// What was not used for the longest time gives way; what is kept is a copy.
func TestPageCache(t *testing.T) {
	c := newPageCache()
	data := bytes.Repeat([]byte{1}, 1<<20)
	const room = cacheLimit >> 20
	for i := range room {
		c.keep(pages{key(i), data, i == 0})
	}
	data[0] = 2
	if p, ok := c.find(key(0)); !ok || p.data[0] != 1 || !p.end || len(p.data) != 1<<20 {
		t.Fatalf("the first entry: %v, %d bytes", ok, len(p.data))
	}
	c.keep(pages{key(room), data, false})
	for i, want := range map[int]bool{0: true, 1: false, 2: true, room: true, room + 1: false} {
		if _, ok := c.find(key(i)); ok != want {
			t.Errorf("entry %d: %v, want %v", i, ok, want)
		}
	}
	c.keep(pages{key(room + 2), make([]byte, cacheLimit+1), false})
	if c.size > cacheLimit || c.used.Len() != room {
		t.Errorf("%d bytes in %d entries", c.size, c.used.Len())
	}
}
