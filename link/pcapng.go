package link

import (
	"encoding/binary"
	"io"
	"time"
)

// This file writes the pcapng format (draft-ietf-opsawg-pcapng), little-endian: one section with one
// Ethernet interface, and a block for each frame.
//
//	block         type u32, total length u32, body, total length u32 again
//	section       byte order u32, version 1.0 u16 u16, section length -1 i64, options
//	interface     link type u16, reserved u16, snapshot length u32 (0: no limit), options
//	packet        interface u32, time stamp high u32, low u32, captured u32, original u32,
//	              data padded to 4, options
//	option        code u16, length u16, value padded to 4; the last one has code 0
const (
	pcapngSection   = 0x0a0d0d0a
	pcapngInterface = 1
	pcapngPacket    = 6
	pcapngByteOrder = 0x1a2b3c4d

	pcapngLinkEthernet = 1

	pcapngOptionUser       = 4 // section: the program that wrote the file
	pcapngOptionName       = 2 // interface: its name
	pcapngOptionMAC        = 6 // interface: its address
	pcapngOptionResolution = 9 // interface: negative power of ten of the unit of time
	pcapngOptionFlags      = 2 // packet: direction and kind of address

	pcapngNanoseconds = 9
)

// Flags of a packet: bits 0 and 1 are the direction, bits 2 to 4 the kind of address.
const (
	pcapngInbound   = 1
	pcapngOutbound  = 2
	pcapngUnicast   = 1 << 2
	pcapngMulticast = 2 << 2
	pcapngBroadcast = 3 << 2
)

// pcapngWriter writes one block with one Write, so that a file is whole after each frame.
type pcapngWriter struct {
	w io.Writer
	b []byte
}

// newPcapngWriter begins the file.
func newPcapngWriter(w io.Writer, name string, own Addr) (*pcapngWriter, error) {
	p := &pcapngWriter{w: w}
	p.begin(pcapngSection)
	p.u32(pcapngByteOrder)
	p.u16(1)
	p.u16(0)
	p.u32(0xffffffff)
	p.u32(0xffffffff)
	p.option(pcapngOptionUser, []byte("deputy"))
	p.option(0, nil)
	if err := p.end(); err != nil {
		return nil, err
	}
	p.begin(pcapngInterface)
	p.u16(pcapngLinkEthernet)
	p.u16(0)
	p.u32(0)
	p.option(pcapngOptionName, []byte(name))
	p.option(pcapngOptionMAC, own[:])
	p.option(pcapngOptionResolution, []byte{pcapngNanoseconds})
	p.option(0, nil)
	if err := p.end(); err != nil {
		return nil, err
	}
	return p, nil
}

// frame writes one frame, with its direction.
func (p *pcapngWriter) frame(at time.Time, direction uint32, frame []byte) error {
	ns := uint64(at.UnixNano())
	p.begin(pcapngPacket)
	p.u32(0)
	p.u32(uint32(ns >> 32))
	p.u32(uint32(ns))
	p.u32(uint32(len(frame)))
	p.u32(uint32(len(frame)))
	p.padded(frame)
	var flags [4]byte
	binary.LittleEndian.PutUint32(flags[:], direction|addressKind(frame))
	p.option(pcapngOptionFlags, flags[:])
	p.option(0, nil)
	return p.end()
}

func addressKind(frame []byte) uint32 {
	switch to := Addr(frame[offsetDestination:]); {
	case to == Broadcast:
		return pcapngBroadcast
	case to[0]&groupBit != 0:
		return pcapngMulticast
	default:
		return pcapngUnicast
	}
}

// begin starts a block; end writes its length in both places.
func (p *pcapngWriter) begin(blockType uint32) {
	p.b = p.b[:0]
	p.u32(blockType)
	p.u32(0)
}

func (p *pcapngWriter) end() error {
	p.u32(0)
	size := uint32(len(p.b))
	binary.LittleEndian.PutUint32(p.b[4:], size)
	binary.LittleEndian.PutUint32(p.b[size-4:], size)
	_, err := p.w.Write(p.b)
	return err
}

func (p *pcapngWriter) option(code uint16, value []byte) {
	p.u16(code)
	p.u16(uint16(len(value)))
	p.padded(value)
}

func (p *pcapngWriter) padded(b []byte) {
	p.b = append(p.b, b...)
	for len(p.b)%4 != 0 { // blocks are multiples of 4 and begin at 0
		p.b = append(p.b, 0)
	}
}

func (p *pcapngWriter) u16(v uint16) { p.b = binary.LittleEndian.AppendUint16(p.b, v) }
func (p *pcapngWriter) u32(v uint32) { p.b = binary.LittleEndian.AppendUint32(p.b, v) }
