package rdp

import (
	"errors"
	"fmt"
	"syscall"
)

// Why Parse refuses a segment.
var (
	ErrShort          = errors.New("rdp: segment shorter than a header")
	ErrVersion        = errors.New("rdp: version is not 2")
	ErrHeaderLength   = errors.New("rdp: header length does not fit the kind of segment")
	ErrDataLength     = errors.New("rdp: data length is not what follows the header")
	ErrPort           = errors.New("rdp: port 0")
	ErrFlags          = errors.New("rdp: combination of flags without meaning")
	ErrUnexpectedData = errors.New("rdp: data in a SYN, RST or NUL")
)

// What Dial, Listen and WriteMessage return.
var (
	ErrOptions        = errors.New("rdp: option out of range")
	ErrAddress        = errors.New("rdp: remote address is not an IPv4 address and a port")
	ErrPortInUse      = fmt.Errorf("rdp: port in use: %w", syscall.EADDRINUSE)
	ErrNoPorts        = fmt.Errorf("rdp: no ephemeral port left: %w", syscall.EADDRNOTAVAIL)
	ErrNotOpen        = fmt.Errorf("rdp: connection not open: %w", syscall.ENOTCONN)
	ErrClosing        = fmt.Errorf("rdp: connection closing: %w", syscall.EPIPE)
	ErrNoSpace        = fmt.Errorf("rdp: send buffer full: %w", syscall.EAGAIN)
	ErrMessageTooLong = fmt.Errorf("rdp: message longer than a segment: %w", syscall.EMSGSIZE)
	ErrMessageEmpty   = fmt.Errorf("rdp: a segment without data is no message: %w", syscall.EINVAL)
)

// Why a connection ended, as OnEnd and Record.Err say it. The orderly end by the peer is io.EOF; the end by the
// local user is net.ErrClosed.
var (
	ErrRefused    = fmt.Errorf("rdp: %w", syscall.ECONNREFUSED)
	ErrReset      = fmt.Errorf("rdp: %w", syscall.ECONNRESET)
	ErrUnread     = fmt.Errorf("rdp: peer closed without taking all data: %w", syscall.ECONNRESET)
	ErrTimeout    = fmt.Errorf("rdp: peer does not answer: %w", syscall.ETIMEDOUT)
	ErrParameters = fmt.Errorf("rdp: peer offers an impossible window or segment size: %w", syscall.EPROTO)
	ErrOversize   = fmt.Errorf("rdp: segment above the negotiated size: %w", syscall.EPROTO)
)
