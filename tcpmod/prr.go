package tcpmod

// prr paces recovery: Proportional Rate Reduction with the slow-start reduction
// bound (RFC 6937). For each byte that leaves the network it lets so much in
// that what is under way falls evenly to the new window. It is chosen over RFC
// 6675's rule, that waits until half of the window has left and then sends a
// burst, since the ACKs of a small window on a lossy link would run out
// meanwhile; and it needs no more state than three sums.
type prr struct {
	delivered int // prr_delivered
	out       int // prr_out
	flight    int // RecoverFS
}

// window returns how much may be under way, given that pipe bytes are, that the
// ACK just received delivered some more, and that the window at the end of
// recovery is ssthresh. safe says that the ACK advanced SND.UNA and found no
// further loss: only then is slow start allowed.
func (p *prr) window(delivered, pipe, ssthresh, mss int, safe bool) int {
	p.delivered += delivered
	var send int
	if pipe > ssthresh {
		send = (p.delivered*ssthresh+p.flight-1)/p.flight - p.out
	} else {
		limit := p.delivered - p.out
		if safe {
			limit = max(limit, delivered) + mss
		}
		send = min(ssthresh-pipe, limit)
	}
	if p.out == 0 {
		send = max(send, mss) // the fast retransmit itself
	}
	return pipe + max(send, 0)
}
