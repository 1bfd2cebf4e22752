package sim

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"deputy/ipx"
	"deputy/link"
	"deputy/rdp"
	"deputy/tcpmod"
)

// tracer condenses all that happens into one number, and writes it down if it is asked to. Two runs with the same
// number did the same.
type tracer struct {
	hash uint64
	out  io.Writer // or nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (t *tracer) add(x uint64) { t.hash = mix(t.hash ^ x) }

// frame notes a frame that a port sent or got.
func (t *tracer) frame(now time.Duration, what string, p *port, b []byte) {
	t.add(uint64(now))
	t.add(uint64(p.index)<<32 | uint64(crc32.Checksum(b, castagnoli)))
	if t.out != nil {
		fmt.Fprintf(t.out, "%14v n%d %-5s %s\n", now, p.node.index, what, describe(b))
	}
}

// note notes what a node or somebody on it does.
func (t *tracer) note(now time.Duration, n *node, what, format string, args ...any) {
	t.add(uint64(now))
	t.add(uint64(n.index)<<32 | uint64(crc32.Checksum([]byte(what), castagnoli)))
	if t.out != nil {
		fmt.Fprintf(t.out, "%14v n%d ***** %s %s\n", now, n.index, what, fmt.Sprintf(format, args...))
	}
}

// describe decodes a frame in a line.
func describe(frame []byte) string {
	etherType := binary.BigEndian.Uint16(frame[link.HeaderLen-2:])
	b := frame[link.HeaderLen:]
	if etherType == link.EtherTypeARP {
		return fmt.Sprintf("ARP %x", b)
	}
	h, err := ipx.ParseHeader(b)
	if err != nil {
		return err.Error()
	}
	prefix := fmt.Sprintf("%v > %v ", h.Source(), h.Destination())
	if h.IsFragment() {
		return prefix + fmt.Sprintf("fragment of protocol %d, %d bytes", h.Protocol(), len(h.Payload()))
	}
	switch h.Protocol() {
	case tcpmod.Protocol:
		s, err := tcpmod.Parse(h.Payload())
		if err != nil {
			return prefix + err.Error()
		}
		return prefix + fmt.Sprintf("tcp %d>%d %s seq %d ack %d win %d len %d opt %x",
			s.SrcPort(), s.DstPort(), s.Flags(), s.Seq(), s.Ack(), s.Window(), len(s.Payload()), s.Options())
	case rdp.Protocol:
		s, data, err := rdp.Parse(h.Payload())
		if err != nil {
			return prefix + err.Error()
		}
		eacks := make([]uint32, s.EACKs())
		for i := range eacks {
			eacks[i] = s.EACK(i)
		}
		return prefix + fmt.Sprintf("rdp %d>%d %s seq %d ack %d len %d eack %d",
			s.Source(), s.Destination(), rdpFlags(s.Flags()), s.Seq(), s.Ack(), len(data), eacks)
	}
	return prefix + fmt.Sprintf("protocol %d, %d bytes", h.Protocol(), len(h.Payload()))
}

// rdpFlags names the flags of an RDP segment by their first letters.
func rdpFlags(f rdp.Flags) string {
	const names = "SAERN"
	s := ""
	for i := range names {
		if f&(0x80>>i) != 0 {
			s += names[i : i+1]
		}
	}
	return s
}
