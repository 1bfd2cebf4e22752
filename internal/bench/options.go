// Package bench measures round trips layer by layer: ipxbench's parts below its command line.
//
// One run of ping-pong:
//
//  1. place.go makes two nodes of its own (internal/testnet) and starts a peer on the second, or takes
//     an interface on which a peer serves already.
//  2. thread.go gives the measuring side a thread bound to a CPU; the peer has one too (serve.go).
//  3. session.go finds the peer and agrees with it on what is answered (control.go has the format).
//  4. pingpong.go measures each layer in slices, one after the other and again, so that noise hits all:
//     an exchange_*.go per layer is our side of a round, peer.go, transport.go and kernel_peer.go are the other.
//     A remote close() is measured by its own program (closeprog), run by agents (agents.go, remote.go).
//  5. package report makes percentiles, differences and the output of it.
//
// Both sides are run to completion: the thread that measures polls the device itself, without goroutine,
// channel or lock in the path.
//
// Limits: one peer at a time, one message under way. Lost frames of link, ip and the kernel's UDP are
// measured again and counted; a transport's own retransmissions are part of its round trips.
package bench

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"deputy/link"
)

// Defaults of Options.
const (
	DefaultSize  = 24     // bytes: a request for close() (thesis 5.2.2)
	DefaultCount = 10_000 // as many packets as the thesis took (5.2.1)
)

// MaxCount is the largest number of round trips of a layer.
const MaxCount = 100_000_000

// MaxIdle is the largest number of idle connections: there are that many ephemeral ports (RFC 6335), less those
// that are measured.
const MaxIdle = 16_000

// Options of PingPong.
type Options struct {
	Size  int    // payload of link, ip, tcpmod, rdp and the kernel's, in bytes
	Count int    // round trips of each layer
	Idle  int    // connections of each transport that are open besides, and idle
	Link  string // backend: link.BackendRing, the default, or link.BackendPacket
	Pin   string // see ParsePins

	Iface   string       // to measure on, with a peer that serves; "": two nodes of our own
	Peer    string       // name or address of the peer on that interface; "": the one that is there
	Address netip.Addr   // of our stack, in 198.18.0.0/16; not valid: made from the hardware address
	Logger  *slog.Logger // takes warnings; nil: none
}

// ErrOptions is what is wrong with options, whatever the machine.
var ErrOptions = errors.New("bad option")

// check refuses what no machine can do.
func (o *Options) check() error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Size < 1:
		return fmt.Errorf("%w --size %d: give at least 1 byte", ErrOptions, o.Size)
	case o.Count < 1 || o.Count > MaxCount:
		return fmt.Errorf("%w --count %d: give 1 to %d round trips", ErrOptions, o.Count, MaxCount)
	case o.Idle < 0 || o.Idle > MaxIdle:
		return fmt.Errorf("%w --idle %d: give 0 to %d connections", ErrOptions, o.Idle, MaxIdle)
	case o.Peer != "" && o.Iface == "":
		return fmt.Errorf("%w --peer: give --iface too, the interface that leads to the peer", ErrOptions)
	case o.Address.IsValid() && !network.Contains(o.Address):
		return fmt.Errorf("%w --address %v: give one in %v", ErrOptions, o.Address, network)
	}
	return checkLink(&o.Link)
}

func checkLink(backend *string) error {
	switch *backend {
	case "":
		*backend = link.BackendRing
	case link.BackendRing, link.BackendPacket:
	default:
		return fmt.Errorf("%w --link %s: give %s or %s", ErrOptions, *backend, link.BackendRing, link.BackendPacket)
	}
	return nil
}

// ErrSize is what a payload too large for one frame is refused with.
var ErrSize = errors.New("does not fit into one frame")

// checkSize refuses a payload that our layers cannot carry in one frame.
func checkSize(size, mtu int) error {
	if limit := mtu - ipHeaderLen - tcpHeaderLen; size > limit {
		return fmt.Errorf("%d bytes: %w: at most %d at an MTU of %d", size, ErrSize, limit, mtu)
	}
	return nil
}
