package ipx

import (
	"fmt"
	"net/netip"
	"time"

	"deputy/link"
)

// trainDevice is a device that may take trains: runs of TCP segments that are cut below it (link.TrainDevice).
type trainDevice interface {
	Trains() bool
	TrainBuffer() []byte // link.HeaderLen+link.MaxTrain bytes
	SendTrain(n, transport, header, size int) error
}

// MaxTrain returns the largest payload of SendTrain to dst in bytes; 0 if none can be sent: the device takes no trains,
// or the last datagram went to another destination, or dst is behind a smaller MTU than the device's.
func (p *Port) MaxTrain(dst netip.Addr) int {
	s := p.stack
	if to := s.paths.last; s.trains == nil || to == nil || to.addr != dst || to.mtu != s.mtu {
		return 0
	}
	return maxPayload
}

// TrainBuffer lends the payload area of the next train, 65515 bytes; it belongs to the caller as that of Buffer does.
// MaxTrain must not be 0.
func (p *Port) TrainBuffer() []byte { return p.stack.trains.TrainBuffer()[frameHeaderLen:] }

// SendTrain sends the first n bytes of the lent train to the destination that MaxTrain was asked about: header bytes of
// a TCP header, then data, of which each datagram gets size bytes, the last one the rest. Errors are those of Send.
func (p *Port) SendTrain(now time.Duration, dst netip.Addr, n, header, size int) error {
	s := p.stack
	to := s.paths.last
	if to == nil || to.addr != dst || s.trains == nil {
		s.stats.Output.NoRoute++
		return fmt.Errorf("%w: no train to %s", ErrNoRoute, dst)
	}
	frames := (n - header + size - 1) / size
	to.via.used = now
	to.template.fill(s.trains.TrainBuffer(), p.proto, s.id+1, n)
	s.id += uint16(frames) // the kernel counts on from the first
	if err := s.trains.SendTrain(frameHeaderLen+n, frameHeaderLen, frameHeaderLen+header, size); err != nil {
		s.stats.Output.DeviceError++
		return fmt.Errorf("ipx: send to %s: %w", to.addr, err)
	}
	s.stats.DatagramsSent += uint64(frames)
	s.stats.BytesSent += uint64(n + (frames-1)*header)
	return nil
}

var _ trainDevice = link.TrainDevice(nil)
