package tcpmod

// sendBuffer holds what was written and not acknowledged yet. Its first byte
// has the sequence number SND.UNA once the SYN is acknowledged.
type sendBuffer struct {
	ring
	n     int  // bytes held
	limit int  // bytes at most
	short bool // a Write took less than it was given
}

// append takes what there is room for and returns how much that was.
func (b *sendBuffer) append(p []byte) int {
	n := min(len(p), b.limit-b.n)
	if n < len(p) {
		b.short = true
	}
	if n <= 0 {
		return 0
	}
	b.reserve(b.n+n, b.n)
	b.write(b.n, p[:n])
	b.n += n
	return n
}

// discard drops n acknowledged bytes.
func (b *sendBuffer) discard(n int) {
	b.advance(n)
	if b.n -= n; b.n == 0 {
		b.free()
	}
}

// space reports, once after a Write that took less than given, that a
// quarter of the buffer is free again: less would wake the writer for every
// ACK.
func (b *sendBuffer) space() bool {
	if !b.short || b.n > b.limit-b.limit/4 {
		return false
	}
	b.short = false
	return true
}
