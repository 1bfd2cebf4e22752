package ipx

import (
	"encoding/binary"
	"net/netip"

	"deputy/internal/checksum"
	"deputy/link"
)

// frameHeaderLen is what stands before the payload in a frame we send.
const frameHeaderLen = link.HeaderLen + HeaderLen

// template is the start of every frame to one destination: the Ethernet and
// the IPv4 header with total length, identification, protocol and checksum
// zero. Sending copies it and patches these four.
type template struct {
	header [frameHeaderLen]byte
	sum    uint32 // partial sum of the IPv4 header as it stands in header
}

// makeTemplate returns the template of datagrams without options from source
// to destination, whose next hop has the hardware address to.
func makeTemplate(from, to link.Addr, source, destination netip.Addr, ttl uint8) template {
	var t template
	copy(t.header[etherDestination:], to[:])
	copy(t.header[etherSource:], from[:])
	binary.BigEndian.PutUint16(t.header[etherType:], link.EtherTypeIPv4)
	h := t.header[link.HeaderLen:]
	h[offVersionIHL] = 4<<4 | HeaderLen/4
	// Neither fragmented by us nor to be by others; the identification is then
	// free of the uniqueness that RFC 6864 asks of fragments.
	binary.BigEndian.PutUint16(h[offFragment:], flagDontFragment)
	h[offTTL] = ttl
	src, dst := source.As4(), destination.As4()
	copy(h[offSource:], src[:])
	copy(h[offDestination:], dst[:])
	t.sum = checksum.Sum(h, 0)
	return t
}

// fill writes the headers of a datagram with n bytes of payload into frame,
// which holds at least frameHeaderLen bytes.
//
// The checksum is patched, not computed: with m the old value of a word and m'
// the new one, HC' = ~(~HC + ~m + m') (RFC 1624, section 3). Here every m is
// 0, whose complement adds nothing, and ~HC is the partial sum.
func (t *template) fill(frame []byte, proto uint8, id uint16, n int) {
	*(*[frameHeaderLen]byte)(frame) = t.header
	h := frame[link.HeaderLen:frameHeaderLen]
	total := uint16(HeaderLen + n)
	binary.BigEndian.PutUint16(h[offTotalLength:], total)
	binary.BigEndian.PutUint16(h[offIdentification:], id)
	h[offProtocol] = proto
	sum := t.sum + uint32(total) + uint32(id) + uint32(proto)
	binary.BigEndian.PutUint16(h[offChecksum:], checksum.Fold(sum))
}

// putHeader writes the IPv4 header alone of a datagram with n bytes of payload
// into the first HeaderLen bytes of b. fragment is the word of flags and offset.
func (t *template) putHeader(b []byte, proto uint8, id, fragment uint16, n int) {
	h := Header(b[:copy(b, t.header[link.HeaderLen:])])
	h[offProtocol] = proto
	binary.BigEndian.PutUint16(h[offIdentification:], id)
	h.setPlace(HeaderLen+n, fragment)
}

// readdress makes the template's frames go to another hardware address.
func (t *template) readdress(to link.Addr) { copy(t.header[etherDestination:], to[:]) }
