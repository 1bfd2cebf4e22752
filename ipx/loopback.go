package ipx

import (
	"fmt"
	"time"
)

// maxLoopback bounds the datagrams to our own address that wait for delivery.
// It leaves half of the buffers to those that wait for neighbours.
const maxLoopback = maxBuffers / 2

// loop copies n bytes of payload into the loopback.
func (s *Stack) loop(now time.Duration, proto uint8, payload *gather, n int) error {
	pool := s.poolFor(n)
	var buffer []byte
	if s.loopback.len() < maxLoopback {
		buffer = pool.get()
	}
	if buffer == nil {
		s.stats.Output.QueueFull++
		return fmt.Errorf("%w: to %s", ErrQueueFull, s.addr)
	}
	payload.read(buffer[:n])
	s.loopback.push(datagram{proto: proto, bytes: buffer[:n], from: pool})
	s.schedule(now)
	return nil
}

// deliverLoopback delivers the datagrams that wait in the loopback, but not
// those that are sent meanwhile: two ends that answer each other at once must
// not keep the caller here.
func (s *Stack) deliverLoopback(now time.Duration) {
	for range s.loopback.len() {
		d := s.loopback.pop()
		if h := s.handlers[d.proto]; h != nil {
			s.stats.DatagramsLooped++
			h.Receive(now, s.addr, s.addr, d.bytes)
		} else {
			s.stats.Output.UnknownProtocol++
		}
		d.giveBack()
	}
}
