package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"deputy/link"
)

// Control datagrams: what the measuring side and its peer agree by, over our own IP. Each request is
// repeated until it is answered, and an answer carries the sequence number of its request.
//
//	 0  magic     4 bytes "ipxb"
//	 4  version   u8
//	 5  kind      u8
//	 6  sequence  u16, little-endian
//	 8  body      by kind
//
// A string is its length in a u8 and its bytes; an address of the kernel's IP is 4 bytes, 0.0.0.0 if there
// is none; a port is a u16, little-endian.
//
//	1 hello    wanted string          broadcast; answered by a peer that it names, or by all if it is empty
//	2 welcome  hardware address 6 bytes, kernel address, MTU u16, name string, backend string, CPU string
//	3 enter    mode u8, size u16, kernel address and port of the asking side's socket
//	4 entered  kernel port, error string: empty if the peer is in the mode now

// IP protocol numbers "for experimentation and testing" (RFC 3692).
const (
	protocolEcho    = 253 // a payload that the peer sends back as it is
	protocolControl = 254
)

const (
	controlMagic     = "ipxb"
	controlVersion   = 1
	controlHeaderLen = 8
)

type controlKind uint8

// Kinds of control datagrams; append only.
const (
	kindHello   controlKind = 1
	kindWelcome controlKind = 2
	kindEnter   controlKind = 3
	kindEntered controlKind = 4
)

// Errors of parseControl.
var (
	errNotControl     = errors.New("not a control datagram")
	errControlVersion = errors.New("another version of the control protocol")
	errControlBody    = errors.New("malformed control datagram")
)

// control is any control datagram; the fields that its kind does not have are zero.
type control struct {
	kind     controlKind
	sequence uint16

	wanted string // hello

	hardware link.Addr // welcome
	mtu      int
	name     string
	backend  string
	cpu      string

	mode mode // enter
	size int

	kernel netip.AddrPort // welcome (port 0), enter, entered (address 0.0.0.0)
	err    string         // entered
}

// append adds the datagram to b.
func (c *control) append(b []byte) []byte {
	le := binary.LittleEndian
	b = append(b, controlMagic...)
	b = append(b, controlVersion, byte(c.kind))
	b = le.AppendUint16(b, c.sequence)
	switch c.kind {
	case kindHello:
		b = appendString(b, c.wanted)
	case kindWelcome:
		b = append(b, c.hardware[:]...)
		b = appendAddress(b, c.kernel.Addr())
		b = le.AppendUint16(b, uint16(c.mtu))
		b = appendString(b, c.name)
		b = appendString(b, c.backend)
		b = appendString(b, c.cpu)
	case kindEnter:
		b = append(b, byte(c.mode))
		b = le.AppendUint16(b, uint16(c.size))
		b = appendAddress(b, c.kernel.Addr())
		b = le.AppendUint16(b, c.kernel.Port())
	case kindEntered:
		b = le.AppendUint16(b, c.kernel.Port())
		b = appendString(b, c.err)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	s = s[:min(len(s), 255)]
	return append(append(b, byte(len(s))), s...)
}

func appendAddress(b []byte, a netip.Addr) []byte {
	if !a.Is4() {
		a = netip.IPv4Unspecified()
	}
	four := a.As4()
	return append(b, four[:]...)
}

// parseControl reads a datagram. Padding behind it, from the wire, is passed over. Its error wraps
// errNotControl, errControlVersion or errControlBody.
func parseControl(b []byte) (control, error) {
	if len(b) < controlHeaderLen || string(b[:4]) != controlMagic {
		return control{}, errNotControl
	}
	if v := b[4]; v != controlVersion {
		return control{}, fmt.Errorf("%w: %d, not %d", errControlVersion, v, controlVersion)
	}
	r := reader{b: b[controlHeaderLen:]}
	c := control{kind: controlKind(b[5]), sequence: binary.LittleEndian.Uint16(b[6:])}
	switch c.kind {
	case kindHello:
		c.wanted = r.string()
	case kindWelcome:
		copy(c.hardware[:], r.bytes(len(c.hardware)))
		c.kernel = netip.AddrPortFrom(r.address(), 0)
		c.mtu = int(r.uint16())
		c.name, c.backend, c.cpu = r.string(), r.string(), r.string()
	case kindEnter:
		c.mode = mode(r.bytes(1)[0])
		c.size = int(r.uint16())
		a := r.address()
		c.kernel = netip.AddrPortFrom(a, r.uint16())
		if c.mode >= modes {
			return control{}, fmt.Errorf("%w: mode %d", errControlBody, c.mode)
		}
	case kindEntered:
		c.kernel = netip.AddrPortFrom(netip.IPv4Unspecified(), r.uint16())
		c.err = r.string()
	default:
		return control{}, fmt.Errorf("%w: kind %d", errControlBody, c.kind)
	}
	if r.short {
		return control{}, fmt.Errorf("%w: kind %d cut off", errControlBody, c.kind)
	}
	return c, nil
}

// reader takes fields off a datagram; once one is missing, all further are zero.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if r.short || len(r.b) < n {
		r.short = true
		return make([]byte, n)
	}
	field := r.b[:n]
	r.b = r.b[n:]
	return field
}

func (r *reader) uint16() uint16      { return binary.LittleEndian.Uint16(r.bytes(2)) }
func (r *reader) string() string      { return string(r.bytes(int(r.bytes(1)[0]))) }
func (r *reader) address() netip.Addr { return netip.AddrFrom4([4]byte(r.bytes(4))) }
