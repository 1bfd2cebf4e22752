package tcpmod

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// key names a connection of an endpoint: remote address, remote port, local
// port, from the high bits down.
type key uint64

func makeKey(remote netip.Addr, remotePort, localPort uint16) key {
	a := remote.As4()
	return key(binary.BigEndian.Uint32(a[:]))<<32 | key(remotePort)<<16 | key(localPort)
}

func unicast(a netip.Addr) bool {
	if !a.Is4() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	return a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// segment is what the state machine takes from a received segment.
type segment struct {
	seq, ack seqNum
	window   uint16
	flags    Flags
	data     []byte // of the user
	options  []byte

	hasTS           bool
	tsValue, tsEcho uint32
	sack            []byte // the blocks of a SACK option
}

// len returns SEG.LEN.
func (s *segment) len() int {
	n := len(s.data)
	if s.flags&SYN != 0 {
		n++
	}
	if s.flags&FIN != 0 {
		n++
	}
	return n
}

// Receive takes a segment from src to dst. The path of a segment with data:
//
//  1. Receive checks the lengths, finds the connection, verifies the checksum
//     if the connection has one, and hands over to TCB.receive;
//  2. receive (input.go) puts the segment to the tests of RFC 9293, section
//     3.10.7.4, in their order;
//  3. acknowledge (recover.go) uses its ACK: frees the send buffer, measures
//     the round trip, steers recovery and congestion window;
//  4. text (text.go) gives its data to the user, in place, or keeps it;
//  5. finish (input.go) sends what may now be sent, and the ACK if it must
//     not wait.
func (e *Endpoint) Receive(now time.Duration, src, dst netip.Addr, b []byte) {
	h, err := Parse(b)
	if err != nil {
		e.stats.Malformed++
		return
	}
	if dst != e.addr || !unicast(src) {
		e.stats.NotOurs++
		return
	}
	e.stats.SegmentsIn++
	k := makeKey(src, h.SrcPort(), h.DstPort())
	c := e.last
	if c == nil || c.key != k {
		if c = e.conns[k]; c == nil {
			e.receiveUnknown(now, src, h, k, 0)
			return
		}
		e.last = c
	}
	if (c.opt.Integrity != IntegrityNone || c.state == SynSent) && !c.verify(now, h, src) {
		return
	}
	s := segment{
		seq: seqNum(h.Seq()), ack: seqNum(h.Ack()), window: h.Window(),
		flags: h.Flags(), data: h.Payload(), options: h.Options(),
	}
	if c.state == TimeWait && c.reusable(&s) && e.listeners[h.DstPort()] != nil {
		least := c.snd.nxt.add(1)
		c.setState(now, Closed)
		e.receiveUnknown(now, src, h, k, least)
		return
	}
	c.receive(now, &s)
}

// reusable reports whether a SYN in TIME-WAIT begins a new connection: its
// sequence number is above all of the old one's (RFC 9293, section 3.6.1).
func (c *TCB) reusable(s *segment) bool {
	return s.flags&(SYN|ACK|RST|FIN) == SYN && c.rcv.nxt.lt(s.seq) && c.unread() == 0
}

// receiveUnknown takes a segment of no connection: for a listener, or to be
// answered with a reset (RFC 9293, section 3.10.7.1).
func (e *Endpoint) receiveUnknown(now time.Duration, src netip.Addr, h Header, k key, least seqNum) {
	if l := e.listeners[h.DstPort()]; l != nil {
		e.receiveListen(now, src, h, k, l, least)
		return
	}
	e.refuse(now, src, h)
}

// refuse answers a segment that nothing here expects with a reset that the
// sender accepts. A reset is never answered. The answer has the integrity
// option that the segment had.
func (e *Endpoint) refuse(now time.Duration, src netip.Addr, h Header) {
	i := h.shown()
	if !e.isIntact(i, h, src) {
		e.stats.BadChecksum++
		return
	}
	f := h.Flags()
	if f&RST != 0 {
		return
	}
	seq, ack, flags := seqNum(h.Ack()), seqNum(0), RST
	if f&ACK == 0 {
		s := segment{flags: f, data: h.Payload()}
		seq, ack, flags = 0, seqNum(h.Seq()).add(s.len()), RST|ACK
	}
	n := i.headerLen()
	b := Header(e.net.Buffer()[:n])
	clear(b)
	copy(b[HeaderLen:], crcOption[:])
	binary.BigEndian.PutUint16(b[offSrcPort:], h.DstPort())
	binary.BigEndian.PutUint16(b[offDstPort:], h.SrcPort())
	b.put(seq, ack, n, flags, 0)
	e.seal(i, b, src)
	e.stats.ResetsOut++
	e.transmit(now, src, n)
}
