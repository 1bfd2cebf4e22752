package ipx

// maxHoles bounds the holes of a datagram in reassembly at a time. Fragments
// leave in order, so there is one hole for each that was lost or overtaken.
const maxHoles = 32

// unknownEnd is the end of the last hole while the last fragment is missing.
const unknownEnd = 0xffff + 1

// hole is a range of bytes of a datagram that has not come: [first, end).
type hole struct{ first, end int }

// holes are those of one datagram, in order, as in RFC 815, section 3. The
// size of the datagram is unknown as long as the last hole is open to the right.
type holes struct {
	list [maxHoles]hole
	n    int
	end  int // of what has come; the size of the datagram once that is known
}

// fit says what a fragment is to a datagram.
type fit int

const (
	fits    fit = iota // in a hole: it was filled
	known              // its bytes are all there already
	overlap            // it contradicts what is there: of its bytes, a part, or the datagram's size
	scatter            // one hole too many
)

// reset makes the holes of a datagram of which nothing has come.
func (h *holes) reset() {
	h.list[0] = hole{0, unknownEnd}
	h.n, h.end = 1, 0
}

// isWhole reports whether no hole is left.
func (h *holes) isWhole() bool { return h.n == 0 }

// knowsSize reports whether the last fragment has come.
func (h *holes) knowsSize() bool { return h.n == 0 || h.list[h.n-1].end != unknownEnd }

// fill takes the place of a fragment, [first, end), with more to follow or
// not. Only with fits is anything changed.
func (h *holes) fill(first, end int, more bool) fit {
	i := 0
	for i < h.n && h.list[i].end <= first {
		i++
	}
	if i == h.n || end <= h.list[i].first {
		isLast := end == h.end && h.knowsSize()
		if end <= h.end && more != isLast {
			return known
		}
		return overlap
	}
	old := h.list[i]
	if first < old.first || end > old.end || !more && old.end != unknownEnd {
		return overlap
	}
	// RFC 815, section 3, steps 4 to 6.
	left, right := hole{old.first, first}, hole{end, old.end}
	hasLeft, hasRight := left.first < left.end, more && right.first < right.end
	switch {
	case hasLeft && hasRight:
		if h.n == maxHoles {
			return scatter
		}
		copy(h.list[i+2:h.n+1], h.list[i+1:h.n])
		h.list[i], h.list[i+1] = left, right
		h.n++
	case hasLeft:
		h.list[i] = left
	case hasRight:
		h.list[i] = right
	default:
		copy(h.list[i:h.n-1], h.list[i+1:h.n])
		h.n--
	}
	h.end = max(h.end, end)
	return fits
}
