package bench

import "deputy/link"

// frameExchange sends a raw Ethernet frame, which the peer sends back.
type frameExchange struct {
	*session
	size   int // bytes of payload
	number uint32
}

func (x *frameExchange) enter() error { return x.enterDevice() }
func (x *frameExchange) leave() error { return nil }

func (x *frameExchange) round() error {
	n := x.node
	x.number++
	b := n.dev.Buffer()
	putFrameHeader(b, x.peer.hardware, n.dev.Addr())
	putProbe(b[link.HeaderLen:link.HeaderLen+x.size], x.number)
	if err := n.dev.Send(link.HeaderLen + x.size); err != nil {
		return err
	}
	limit := n.clock.Now() + lossTimeout
	for {
		frame := n.dev.Receive()
		if frame == nil {
			if n.turns++; n.park || n.turns%timerEvery == 0 {
				if n.park {
					if err := n.sleep(limit); err != nil {
						return err
					}
				}
				if n.clock.Now() >= limit {
					return errLost
				}
			}
			continue
		}
		payload := frame[link.HeaderLen:]
		if isProbe(payload) {
			answered := isProbeNumber(payload, x.number, x.size)
			n.dev.Release()
			if answered {
				return nil
			}
			continue // of a round that was given up
		}
		n.stack.Input(n.clock.Now(), frame)
		n.dev.Release()
	}
}

// putFrameHeader writes an Ethernet II header for IPv4 (RFC 894).
func putFrameHeader(b []byte, to, from link.Addr) {
	copy(b, to[:])
	copy(b[6:], from[:])
	b[12], b[13] = link.EtherTypeIPv4>>8, link.EtherTypeIPv4&0xff
}
