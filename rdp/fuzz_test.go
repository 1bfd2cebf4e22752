package rdp

import (
	"bytes"
	"testing"
)

// FuzzParse: no input makes Parse or an accessor panic, and what it accepts is a segment of RFC 908.
func FuzzParse(f *testing.F) {
	for _, g := range golden {
		f.Add(unhex(f, g.hex))
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 600))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, data, err := Parse(b)
		if err != nil {
			if h != nil || data != nil {
				t.Errorf("error %v and a segment", err)
			}
			return
		}
		if len(h)+len(data) != len(b) || len(h)%2 != 0 {
			t.Errorf("header of %d and data of %d bytes in %d", len(h), len(data), len(b))
		}
		flags := h.Flags()
		if flags&(SYN|RST|NUL) != 0 && len(data) > 0 {
			t.Errorf("data with flags %#x", flags)
		}
		if len(data) > 0 && flags&ACK == 0 {
			t.Error("data without ACK")
		}
		if n := h.EACKs(); (n > 0) != (flags&EACK != 0) || n > MaxEACKs {
			t.Errorf("%d EACKs with flags %#x", n, flags)
		}
		for i := range h.EACKs() {
			h.EACK(i)
		}
		checksumOK(b, scriptAddrs[0], scriptAddrs[1])

		// Written again, it is the same.
		own := bytes.Clone(b)
		putHeader(own, flags, len(h), h.Source(), h.Destination(), len(data), h.Seq(), h.Ack())
		if flags&SYN != 0 {
			putSYN(own, h.Outstanding(), h.SegmentSize(), h.Sequenced())
			own[offSynOptions], own[offSynOptions+1] = b[offSynOptions], b[offSynOptions+1]&^1|own[offSynOptions+1]
		}
		copy(own[offChecksum:offVariable], b[offChecksum:])
		if !bytes.Equal(own, b) {
			t.Errorf("written again\n%x, was\n%x", own, b)
		}
	})
}
