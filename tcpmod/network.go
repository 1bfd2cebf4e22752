package tcpmod

import (
	"math"
	"net/netip"
	"time"
)

// Never is the deadline of what waits for nothing.
const Never = time.Duration(math.MaxInt64)

// Network is the IP layer below, as this package uses it.
type Network interface {
	// Addr returns our own IPv4 address.
	Addr() netip.Addr
	// MTU returns the largest segment in bytes, header included.
	MTU() int
	// Buffer lends a buffer of MTU bytes; the same one until Send.
	Buffer() []byte
	// Send sends the first n bytes of the lent buffer to dst. It never calls
	// back into the endpoint.
	Send(now time.Duration, dst netip.Addr, n int) error
}

// PathNetwork is a Network that may know of a smaller MTU on the way to a
// destination.
type PathNetwork interface {
	Network
	// PathMTU returns the largest segment to dst in bytes, header included.
	PathMTU(dst netip.Addr) int
}

// TrainNetwork is a Network that may take a train: several segments that are
// cut below, each with a copy of the header in which sequence number and flags
// are its own. Their checksum fields mean nothing.
type TrainNetwork interface {
	Network
	// MaxTrain returns how many bytes a train to dst may have, header included;
	// 0 if none can be sent now.
	MaxTrain(dst netip.Addr) int
	// TrainBuffer lends a buffer of MaxTrain bytes; the same one until SendTrain.
	TrainBuffer() []byte
	// SendTrain sends the first n bytes of the lent buffer to dst: header bytes
	// of header, then data, size bytes a segment, the last one the rest.
	SendTrain(now time.Duration, dst netip.Addr, n, header, size int) error
}

// Events is what a connection tells its user. The endpoint calls it, run to
// completion, from within Receive, Advance, or a call of the user's that
// caused the event. A handler may call the connection's methods.
type Events interface {
	// OnOpen: the handshake is complete.
	OnOpen(now time.Duration)
	// OnData: bytes in sequence, in place, valid during the call. It returns
	// how many it took; the rest stays buffered, and the window shrinks, until
	// Resume. While something is buffered, OnData is called by Resume only.
	OnData(now time.Duration, data []byte) int
	// OnSpace: a Write had taken less than given, and there is room again, or
	// the connection ended, which Err tells.
	OnSpace(now time.Duration)
	// OnEnd comes once, when nothing more will be read: with io.EOF after the
	// peer closed its direction and all data was taken; else with the reason,
	// one of the package's errors, at once, while Resume still offers what is
	// buffered. What happens to the connection after io.EOF, Err tells. There
	// is no OnEnd after Abort.
	OnEnd(now time.Duration, err error)
}
