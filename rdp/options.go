package rdp

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"deputy/internal/congestion"
)

// Defaults of Options, and the constants of the protocol that no RFC gives a value for.
const (
	// DefaultOutstanding segments of 1,462 bytes are 374 kB: more than a gigabit LAN's or a veth pair's round
	// trip holds, including the time that the receiver's thread is not on a processor.
	DefaultOutstanding = 256
	// DefaultSendBuffer is more than a full window of such segments, and bounds what is under way in larger ones: a
	// short queue on the way holds it, which matters as nothing else slows the sender down.
	DefaultSendBuffer = 512 << 10 // bytes
	DefaultBacklog    = 128       // connections in SYN-RCVD per listener

	// DefaultReceiveMemory is what 88 connections with all that they may hold need.
	DefaultReceiveMemory = 64 << 20 // bytes

	// DefaultMinRTO must exceed the longest time that the peer holds an ACK back (AckDelay) plus the timers'
	// granularity (well below 0.1 ms) plus what a busy scheduler adds to both; 5 ms is five times AckDelay.
	// RFC 6298's 1 s is made for the Internet: here the round trip is 4 to 50 µs.
	DefaultMinRTO = 5 * time.Millisecond
	// DefaultMaxRTO bounds the exponential backoff, and so how late a peer that comes back is noticed.
	DefaultMaxRTO = time.Second
	// DefaultRetryLimit retransmissions take about 14 s from a first RTO of 5 ms.
	DefaultRetryLimit = 20
	// DefaultKeepAlive is the thesis's idle time (3.2.3).
	DefaultKeepAlive = 30 * time.Second
	// DefaultLinger is what Linux gives a socket whose process is gone (tcp_fin_timeout).
	DefaultLinger = time.Minute
	// DefaultCloseWait holds a closed connection's addresses and ports: longer than a segment survives on a LAN,
	// and enough for eight RSTs under backoff from 5 ms.
	DefaultCloseWait = 2 * time.Second

	// AckDelay is the longest time that an ACK is held back while the loop does not wait (Flush).
	AckDelay = time.Millisecond

	// initialRTO is that of the SYN: the first segment also waits for ARP.
	initialRTO = 20 * time.Millisecond
	// openRetries bounds the retransmissions of a SYN: about 4 s.
	openRetries = 8

	// MinSegmentSize is the smallest maximum segment size that is accepted from a peer or a user: what every IP
	// module must forward (RFC 791, section 3.2). It leaves 30 bytes of data.
	MinSegmentSize = 68
	maxOutstanding = math.MaxUint16
)

// Never is the deadline of something that waits for nothing.
const Never = time.Duration(math.MaxInt64)

// Options of a connection, or of those that a listener accepts. The zero value of a field means its default.
type Options struct {
	// LocalPort of Dial, 1 to 65535; 0 picks one of 49152 to 65535. Listen ignores it.
	LocalPort uint16
	// Outstanding is RCV.MAX, told to the peer at open: how many segments it may send without an acknowledgement,
	// 1 to 65535. Up to twice as many are buffered, each in one buffer of the endpoint's MTU, or a larger one, as far
	// as Config.ReceiveMemory allows.
	Outstanding int
	// SegmentSize is RBUF.MAX, told to the peer at open: the largest segment accepted, in bytes, IP and RDP
	// headers included; MinSegmentSize to 65535. Default: the MTU plus 20, which is also the most for a Network
	// that is no DatagramNetwork. Segments above it travel as fragments, and are sent if both sides have set
	// such a size: that of a segment sent is bounded by what the peer accepts, and by the larger of this and the
	// MTU. One message is at most 38 less.
	SegmentSize int
	// ArrivalOrder asks for delivery in the order of arrival. It is granted if both sides ask for it; otherwise
	// delivery is sequenced, on both sides.
	ArrivalOrder bool
	// Checksum computes and verifies the checksum. Without it the field is sent as zero and ignored. Both sides
	// must agree; a segment without checksum is dropped by a side that verifies.
	Checksum bool
	// Congestion is the algorithm of congestion control, congestion.Reno or congestion.Cubic. Default: none, as in
	// RFC 908.
	Congestion congestion.Algorithm
	// SendBuffer is how many bytes Write takes that are not acknowledged yet.
	SendBuffer int
	// Backlog is how many connections of a listener may be in SYN-RCVD; more SYNs are dropped.
	Backlog int
	// KeepAlive is the idle time after which a NUL asks whether the peer is alive; negative: never.
	KeepAlive time.Duration
	// MinRTO and MaxRTO bound the retransmission timeout; MinRTO must be above AckDelay.
	MinRTO, MaxRTO time.Duration
	// RetryLimit is how often the oldest segment is retransmitted on timeout, while nothing is acknowledged, before
	// the connection ends with ErrTimeout.
	RetryLimit int
	// Linger is how long Close waits for the next acknowledgement of what was written.
	Linger time.Duration
	// CloseWait is how long the CLOSE-WAIT state lasts.
	CloseWait time.Duration
}

// Config of an endpoint.
type Config struct {
	// Options stand in for fields that Dial's and Listen's Options leave zero; its booleans are added to theirs.
	Options Options
	// ReceiveMemory is how many bytes of buffers the segments take, over all connections, that are received and
	// wait for others or for their user. Beyond it such segments are dropped; one that can be delivered at once
	// never is. Default: DefaultReceiveMemory.
	ReceiveMemory int
	// Secret keys the initial sequence numbers; all zero: a random one.
	Secret [32]byte
	// Logger gets the state changes at level Debug; nil: none.
	Logger *slog.Logger
}

// resolve fills in what is left zero, first from base, then from the defaults, and checks the ranges.
// Sizes are bytes of segments.
func (o Options) resolve(base Options, mtu, largest int) (Options, error) {
	whole, most := min(mtu+ipHeaderLen, math.MaxUint16), min(largest+ipHeaderLen, math.MaxUint16)
	pick(&o.LocalPort, base.LocalPort, 0)
	pick(&o.SegmentSize, base.SegmentSize, whole)
	pick(&o.Outstanding, base.Outstanding, DefaultOutstanding)
	pick(&o.Congestion, base.Congestion, "")
	pick(&o.SendBuffer, base.SendBuffer, DefaultSendBuffer)
	pick(&o.Backlog, base.Backlog, DefaultBacklog)
	pick(&o.KeepAlive, base.KeepAlive, DefaultKeepAlive)
	pick(&o.MinRTO, base.MinRTO, DefaultMinRTO)
	pick(&o.MaxRTO, base.MaxRTO, DefaultMaxRTO)
	pick(&o.RetryLimit, base.RetryLimit, DefaultRetryLimit)
	pick(&o.Linger, base.Linger, DefaultLinger)
	pick(&o.CloseWait, base.CloseWait, DefaultCloseWait)
	o.ArrivalOrder = o.ArrivalOrder || base.ArrivalOrder
	o.Checksum = o.Checksum || base.Checksum

	if _, err := congestion.New(o.Congestion, 1, 1); err != nil {
		return o, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	for _, c := range []struct {
		name          string
		value, lo, hi int64
	}{
		{"Outstanding", int64(o.Outstanding), 1, maxOutstanding},
		{"SegmentSize", int64(o.SegmentSize), MinSegmentSize, int64(most)},
		{"SendBuffer", int64(o.SendBuffer), 1, 1 << 30},
		{"Backlog", int64(o.Backlog), 1, 1 << 20},
		{"MinRTO", int64(o.MinRTO), int64(AckDelay) + 1, int64(time.Minute)},
		{"MaxRTO", int64(o.MaxRTO), int64(o.MinRTO), int64(time.Hour)},
		{"RetryLimit", int64(o.RetryLimit), 1, 200},
		{"Linger", int64(o.Linger), 1, int64(time.Hour)},
		{"CloseWait", int64(o.CloseWait), 1, int64(time.Hour)},
	} {
		if c.value < c.lo || c.value > c.hi {
			return o, fmt.Errorf("%w: %s %d, not in %d to %d", ErrOptions, c.name, c.value, c.lo, c.hi)
		}
	}
	return o, nil
}

func pick[T comparable](field *T, base, def T) {
	var zero T
	if *field == zero {
		*field = base
	}
	if *field == zero {
		*field = def
	}
}
