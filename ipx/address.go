package ipx

import (
	"encoding/binary"
	"net/netip"
)

// isHost reports whether addr can be the address of a host of our network:
// neither the network's own address nor its broadcast address.
func (s *Stack) isHost(addr uint32) bool {
	if (addr^s.host)&s.mask != 0 {
		return false
	}
	local := ^s.mask
	return local <= 1 || addr&local != 0 && addr&local != local
}

// isUnicast reports whether addr can be that of a single host: it is neither of
// "this network" nor the loopback's, and of class A, B or C (RFC 1122, section
// 3.2.1.3).
func isUnicast(addr uint32) bool {
	first := addr >> 24
	return first != 0 && first != 127 && first < 224
}

// isBroadcast reports whether addr is the broadcast address of our network.
func (s *Stack) isBroadcast(addr uint32) bool {
	return s.directed.IsValid() && addr == s.host|^s.mask
}

func fromUint32(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

func toUint32(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}
