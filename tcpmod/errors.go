package tcpmod

import "syscall"

// Error is why a connection failed or could not be made. It unwraps to the
// errno that a kernel's socket reports for the same cause.
type Error struct {
	text  string
	errno syscall.Errno
}

func (e *Error) Error() string { return "tcpmod: " + e.text }

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.errno }

// Timeout reports whether the cause is that the peer did not answer.
func (e *Error) Timeout() bool { return e.errno == syscall.ETIMEDOUT }

// Why a connection ended, in OnEnd and Err.
var (
	ErrReset     = &Error{"connection reset by peer", syscall.ECONNRESET}
	ErrRefused   = &Error{"connection refused", syscall.ECONNREFUSED}
	ErrTimeout   = &Error{"peer does not acknowledge", syscall.ETIMEDOUT}
	ErrIntegrity = &Error{"peer has another integrity option", syscall.EPROTO}
	ErrKeepalive = &Error{"idle and the peer does not answer keepalive probes", syscall.ETIMEDOUT}
	ErrAborted   = &Error{"connection aborted locally", syscall.ECONNABORTED}
	ErrClosed    = &Error{"sending direction closed", syscall.EPIPE}
)

// Why a connection or listener could not be made.
var (
	ErrInUse   = &Error{"port in use", syscall.EADDRINUSE}
	ErrNoPort  = &Error{"all ephemeral ports to this peer in use", syscall.EADDRNOTAVAIL}
	ErrAddress = &Error{"not an IPv4 unicast address and port", syscall.EINVAL}
)
