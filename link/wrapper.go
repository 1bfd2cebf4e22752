package link

import "time"

// timed is a device with deadlines, such as Impaired; the event loop drives it as one of its components. A
// wrapper around one passes them on.
type timed interface {
	Deadline() time.Duration
	Advance(now time.Duration)
	Flush(now time.Duration)
}

// reportedError is Err of the device that a wrapper is around.
func reportedError(d Device) error {
	if r, ok := d.(ErrorReporter); ok {
		return r.Err()
	}
	return nil
}
