package netconn

import (
	"net/netip"
	"time"
)

// A Loop owns cores: all their methods and events run under its lock.
type Loop interface {
	// Do runs f under the loop's lock with the time since the loop's start,
	// and returns when f has returned. It may be called from any goroutine,
	// but not from within an event of a core.
	Do(f func(now time.Duration))
}

// A Core is one connection of a transport, without I/O, clock or lock.
type Core interface {
	// Write takes what the send buffer has room for, copies it, and returns
	// how many bytes that was. If it took less than given, the core calls
	// OnSpace when there is room again or the connection ends.
	Write(now time.Duration, p []byte) int
	// Resume offers buffered data to OnData again, before it returns.
	Resume(now time.Duration)
	// CloseWrite ends the sending direction after all written data.
	CloseWrite(now time.Duration)
	// Close ends the connection after all written data; the user reads no more.
	Close(now time.Duration)
	// Abort ends the connection at once with a reset.
	Abort(now time.Duration)
	// Err says why Write takes nothing and never will again; nil while the
	// connection can be written to or is still being opened.
	Err() error
	LocalAddr() netip.AddrPort
	RemoteAddr() netip.AddrPort
}

// A MessageLimiter is a Core that keeps message boundaries and takes messages
// up to a size only. Conn asks it if Config.Messages is set.
type MessageLimiter interface {
	MaxMessage() int // bytes
}

// Config is what the face needs to know of its transport.
type Config struct {
	// Network is the name of the transport in addresses and errors: "tcpmod", "rdp".
	Network string
	// Messages keeps boundaries, as SOCK_SEQPACKET does: one Read takes one
	// message, and a message longer than the buffer is cut and reported with
	// io.ErrShortBuffer; one Write is one message, taken by Core.Write as a
	// whole or not at all, and too long a message is refused with EMSGSIZE.
	// One call of OnData must then carry one whole message. Unset, the
	// connection is a stream of bytes.
	Messages bool
}

// Addr is one end of a connection. It implements net.Addr.
type Addr struct {
	Net string // the transport's name
	netip.AddrPort
}

// Network returns the name of the transport.
func (a Addr) Network() string { return a.Net }
