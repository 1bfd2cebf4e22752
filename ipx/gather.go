package ipx

// gather reads a payload that lies in several pieces, from its beginning to
// its end.
type gather struct {
	head []byte
	rest [][]byte
}

// size returns the bytes in all pieces.
func size(pieces [][]byte) int {
	n := 0
	for _, piece := range pieces {
		n += len(piece)
	}
	return n
}

// read fills b with the bytes that follow; there must be enough of them.
func (g *gather) read(b []byte) {
	for len(b) > 0 {
		for len(g.head) == 0 {
			g.head, g.rest = g.rest[0], g.rest[1:]
		}
		n := copy(b, g.head)
		b, g.head = b[n:], g.head[n:]
	}
}
