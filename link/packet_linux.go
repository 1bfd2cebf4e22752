package link

import "golang.org/x/sys/unix"

// queue is the portable backend: each frame is copied out of the socket's queue by recv(2).
type queue struct {
	*socket
	in []byte // HeaderLen+mtu bytes
}

func newQueue(s *socket) *queue { return &queue{socket: s, in: make([]byte, HeaderLen+s.mtu)} }

// Receive costs a system call, whether a frame waits or not.
func (q *queue) Receive() []byte {
	if !q.enter() {
		return nil
	}
	defer q.leave()
	for range skipLimit {
		n, errno := recv(q.fd, q.in)
		if errno == unix.ENETDOWN {
			continue // told once; frames may wait behind it
		}
		if errno != 0 {
			return nil
		}
		if n > len(q.in) {
			q.stats.ReceiveOversize++
			continue
		}
		q.stats.ReceivedFrames++
		q.stats.ReceivedBytes += uint64(n)
		return q.in[:n:n]
	}
	return nil
}

// Release has nothing to do: the buffer is the device's own.
func (q *queue) Release() {}
