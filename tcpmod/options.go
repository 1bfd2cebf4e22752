package tcpmod

import (
	"math/bits"
	"time"

	"deputy/internal/congestion"
)

// Defaults of Options.
const (
	DefaultKeepaliveIdle     = 30 * time.Second // thesis, section 3.2.3
	DefaultKeepaliveInterval = time.Second
	DefaultKeepaliveProbes   = 5

	DefaultBuffer = 1 << 20 // bytes, each direction

	// DefaultMinRTO must exceed the longest time that the peer holds an ACK
	// back (DefaultAckDelay, and then the wake-up of a loaded machine), and
	// otherwise be short: a round trip here takes microseconds. RFC 6298's
	// 1 s is made for paths and timers that this network does not have.
	DefaultMinRTO = 5 * time.Millisecond
	DefaultMaxRTO = time.Second
	// DefaultInitialRTO holds until the first round trip is measured. It
	// leaves room for the address resolution below.
	DefaultInitialRTO = 20 * time.Millisecond

	DefaultTimeout        = 30 * time.Second
	DefaultConnectTimeout = 10 * time.Second

	// DefaultAckDelay is how long an ACK waits for data to ride on, if
	// nobody calls Flush before.
	DefaultAckDelay = time.Millisecond
	// LinuxAckDelay is how long Linux holds an ACK back at first
	// (TCP_DELACK_MIN). It may come to 200 ms; then a probe is sent in vain.
	LinuxAckDelay = 40 * time.Millisecond

	// DefaultInitialWindow is above RFC 6928's 10 segments: on a local
	// network the path is one or two switches whose buffers are known.
	DefaultInitialWindow = 64 << 10

	// DefaultTimeWait is 2 MSL with the MSL of a local network, where
	// nothing stays under way for half a second.
	DefaultTimeWait = time.Second
)

// Options of a connection. The zero value is the thesis's variant: no Nagle,
// keepalive, no checksum. Negative durations and sizes count as zero.
type Options struct {
	// Nagle holds a short segment back while data is unacknowledged (RFC 9293,
	// section 3.7.4).
	Nagle bool

	// NoKeepalive switches the probes of an idle connection off.
	NoKeepalive       bool
	KeepaliveIdle     time.Duration // 0: DefaultKeepaliveIdle
	KeepaliveInterval time.Duration // between probes; 0: DefaultKeepaliveInterval
	KeepaliveProbes   int           // unanswered ones that close the connection; 0: DefaultKeepaliveProbes

	Integrity Integrity

	SendBuffer    int // bytes; 0: DefaultBuffer
	ReceiveBuffer int // bytes, at most 1 GiB; 0: DefaultBuffer

	MinRTO     time.Duration // 0: DefaultMinRTO
	MaxRTO     time.Duration // 0: DefaultMaxRTO
	InitialRTO time.Duration // 0: DefaultInitialRTO

	// Timeout closes a connection whose data was retransmitted, or whose
	// window was probed, for that long without progress. 0: DefaultTimeout.
	Timeout time.Duration
	// ConnectTimeout is the same for the handshake. 0: DefaultConnectTimeout.
	ConnectTimeout time.Duration

	// Congestion is congestion.Reno, the default, or congestion.Cubic.
	Congestion congestion.Algorithm
	// NoSACK refuses selective acknowledgements (RFC 2018). They cost bytes in
	// the SYN and where something is missing only.
	NoSACK bool
	// Timestamps offers or accepts timestamps (RFC 7323), 12 bytes in every
	// segment. They protect against old duplicates where sequence numbers can
	// wrap within the life of a segment: above 4 GiB a second with DefaultTimeWait.
	Timestamps bool

	AckDelay time.Duration // 0: DefaultAckDelay
	// PeerAckDelay is how long the peer may hold an ACK back: LinuxAckDelay for
	// a kernel. 0: AckDelay. The default of MinRTO is half as long again, if
	// that is more than DefaultMinRTO.
	PeerAckDelay time.Duration

	InitialWindow int           // of congestion control, bytes; 0: DefaultInitialWindow
	TimeWait      time.Duration // 0: DefaultTimeWait
}

const maxReceiveBuffer = 1 << 30 // RFC 7323, section 2.3

// check returns what is wrong with o.
func (o *Options) check() error {
	if o.Integrity > IntegrityCRC32C {
		return ErrIntegrity
	}
	_, err := congestion.New(o.Congestion, 1, 1)
	return err
}

// withDefaults returns o with the defaults in place of what is not set.
func (o Options) withDefaults() Options {
	duration := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	size := func(n *int, def int) {
		if *n <= 0 {
			*n = def
		}
	}
	duration(&o.KeepaliveIdle, DefaultKeepaliveIdle)
	duration(&o.KeepaliveInterval, DefaultKeepaliveInterval)
	size(&o.KeepaliveProbes, DefaultKeepaliveProbes)
	size(&o.SendBuffer, DefaultBuffer)
	size(&o.ReceiveBuffer, DefaultBuffer)
	o.ReceiveBuffer = min(o.ReceiveBuffer, maxReceiveBuffer)
	duration(&o.AckDelay, DefaultAckDelay)
	duration(&o.PeerAckDelay, o.AckDelay)
	duration(&o.MinRTO, max(DefaultMinRTO, o.PeerAckDelay*3/2))
	duration(&o.MaxRTO, DefaultMaxRTO)
	o.MaxRTO = max(o.MaxRTO, o.MinRTO)
	duration(&o.InitialRTO, DefaultInitialRTO)
	duration(&o.Timeout, DefaultTimeout)
	duration(&o.ConnectTimeout, DefaultConnectTimeout)
	size(&o.InitialWindow, DefaultInitialWindow)
	duration(&o.TimeWait, DefaultTimeWait)
	return o
}

// scale returns the shift that lets 16 bits say the receive buffer, as nearly as shifts go.
func (o Options) scale() uint8 {
	return uint8(min(max(0, bits.Len(uint(o.ReceiveBuffer))-16), maxScale))
}
