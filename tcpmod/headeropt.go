package tcpmod

import "encoding/binary"

// Kinds of options (RFC 9293, section 3.1; RFC 7323; RFC 2018).
const (
	optEnd           = 0
	optNop           = 1
	optMSS           = 2
	optScale         = 3
	optSACKPermitted = 4
	optSACK          = 5
	optTimestamps    = 8
)

// maxScale is the largest shift of a window (RFC 7323, section 2.3).
const maxScale = 14

// synOptions are the options of a SYN.
type synOptions struct {
	mss      uint16 // bytes of data in a segment; 0 if absent
	scale    uint8  // shift of the sender's windows
	hasScale bool
	sack     bool // SACK permitted
	hasTS    bool
	tsValue  uint32
	tsEcho   uint32
}

// appendTo appends the options, padded to a multiple of 4 bytes.
func (o synOptions) appendTo(b []byte) []byte {
	b = append(b, optMSS, 4)
	b = binary.BigEndian.AppendUint16(b, o.mss)
	switch {
	case o.sack:
		b = append(b, optSACKPermitted, 2)
	case o.hasTS:
		b = append(b, optNop, optNop)
	}
	if o.hasTS {
		b = append(b, optTimestamps, 10)
		b = binary.BigEndian.AppendUint32(b, o.tsValue)
		b = binary.BigEndian.AppendUint32(b, o.tsEcho)
	} else if o.sack {
		b = append(b, optNop, optNop)
	}
	if o.hasScale {
		b = append(b, optNop, optScale, 3, o.scale)
	}
	return b
}

// eachOption calls f with the kind and body of each option. What follows a
// malformed one is ignored (RFC 9293, section 3.2, MUST-7).
func eachOption(b []byte, f func(kind byte, body []byte)) {
	for len(b) > 0 {
		switch b[0] {
		case optEnd:
			return
		case optNop:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return
		}
		f(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
}

// parseSYNOptions reads the options of a SYN. Unknown ones are skipped.
func parseSYNOptions(b []byte) synOptions {
	var o synOptions
	eachOption(b, func(kind byte, body []byte) {
		switch {
		case kind == optMSS && len(body) == 2:
			o.mss = binary.BigEndian.Uint16(body)
		case kind == optScale && len(body) == 1:
			o.scale, o.hasScale = min(body[0], maxScale), true
		case kind == optSACKPermitted && len(body) == 0:
			o.sack = true
		case kind == optTimestamps && len(body) == 8:
			o.hasTS = true
			o.tsValue = binary.BigEndian.Uint32(body)
			o.tsEcho = binary.BigEndian.Uint32(body[4:])
		}
	})
	return o
}

// parseOptions reads the options of a segment other than a SYN.
func (s *segment) parseOptions() {
	eachOption(s.options, func(kind byte, body []byte) {
		switch {
		case kind == optTimestamps && len(body) == 8:
			s.hasTS = true
			s.tsValue = binary.BigEndian.Uint32(body)
			s.tsEcho = binary.BigEndian.Uint32(body[4:])
		case kind == optSACK && len(body)%sackBlock == 0:
			s.sack = body
		}
	})
}
