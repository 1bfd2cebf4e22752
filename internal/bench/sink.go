package bench

import (
	"encoding/binary"
	"time"
)

// A bulk transfer is a total u64, little-endian, then that many bytes. When all have come, the receiver answers
// with the total: only then has the transfer ended.
const bulkHeaderLen = 8

// bulkChunk is how many bytes are given to a transport, or taken from the kernel, at a time.
const bulkChunk = 256 << 10

// bulkReceiver counts the bytes of a transfer.
type bulkReceiver struct {
	header [bulkHeaderLen]byte
	got    int // bytes of the header
	left   uint64
}

// add takes bytes and reports whether they end the transfer.
func (r *bulkReceiver) add(data []byte) bool {
	if r.got < bulkHeaderLen {
		n := copy(r.header[r.got:], data)
		r.got, data = r.got+n, data[n:]
		if r.got < bulkHeaderLen {
			return false
		}
		r.left = binary.LittleEndian.Uint64(r.header[:])
	}
	r.left -= min(r.left, uint64(len(data)))
	return r.left == 0
}

// byteSink takes bulk transfers, one after the other, on the peer's side of a connection.
type byteSink struct {
	conn     connection
	transfer bulkReceiver
}

// OnOpen is one of the transport's events.
func (*byteSink) OnOpen(time.Duration) {}

// OnData takes bytes, and answers the last ones.
func (s *byteSink) OnData(now time.Duration, data []byte) int {
	if s.transfer.add(data) {
		s.conn.Write(now, s.transfer.header[:])
		s.transfer = bulkReceiver{}
	}
	return len(data)
}

// OnSpace is one of the transport's events.
func (*byteSink) OnSpace(time.Duration) {}

// OnEnd closes our direction too.
func (s *byteSink) OnEnd(now time.Duration, _ error) { s.conn.Close(now) }
