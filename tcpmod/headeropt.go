package tcpmod

import "encoding/binary"

// Kinds of options (RFC 9293, section 3.1; RFC 7323).
const (
	optEnd   = 0
	optNop   = 1
	optMSS   = 2
	optScale = 3
)

// maxScale is the largest shift of a window (RFC 7323, section 2.3).
const maxScale = 14

// synOptions are the options of a SYN.
type synOptions struct {
	mss      uint16 // bytes of data in a segment; 0 if absent
	scale    uint8  // shift of the sender's windows
	hasScale bool
}

// appendTo appends the options, padded to a multiple of 4 bytes.
func (o synOptions) appendTo(b []byte) []byte {
	b = append(b, optMSS, 4)
	b = binary.BigEndian.AppendUint16(b, o.mss)
	if o.hasScale {
		b = append(b, optNop, optScale, 3, o.scale)
	}
	return b
}

// parseSYNOptions reads the options of a SYN. Unknown ones are skipped; what
// follows a malformed one is ignored (RFC 9293, section 3.2, MUST-7).
func parseSYNOptions(b []byte) synOptions {
	var o synOptions
	for len(b) > 0 {
		switch b[0] {
		case optEnd:
			return o
		case optNop:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return o
		}
		body := b[2:b[1]]
		switch {
		case b[0] == optMSS && len(body) == 2:
			o.mss = binary.BigEndian.Uint16(body)
		case b[0] == optScale && len(body) == 1:
			o.scale, o.hasScale = min(body[0], maxScale), true
		}
		b = b[b[1]:]
	}
	return o
}
