// Package nodes finds the nodes: each announces itself once a second, in a datagram to all of its network, and
// remembers whom it heard (as the load of nodes spreads in MOSIX). A gateway between networks relays what it hears on
// one to the others, so that nodes behind gateways are found too.
//
// An announcement, all numbers little-endian:
//
//	0   "dnod"
//	4   u8   version (1)
//	5   u8   flags: 1, the node wants to hear all others at once; 2, it is not the sender that the address is of
//	6   u16  number of processors
//	8   u32  load: 100 times the average number of runnable processes over the last minute
//	12  u32  free memory in MiB
//	16  u32  bodies running here
//	20  u8   length of the name, 1 to 64, then the name
//
// and with flag 2, behind the name:
//
//	0   the IPv4 address of the node, 4 bytes
//	4   u8   gateways that have relayed it
package nodes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Announcement is what a node tells of itself.
type Announcement struct {
	Name       string
	Ask        bool // the node wants to hear all others at once
	Processors uint16
	Load       uint32 // 100 times the one-minute average of runnable processes
	FreeMemory uint32 // MiB
	Bodies     uint32
	Addr       netip.Addr // of the node; not valid: the sender's
	Hops       uint8      // gateways that have relayed it, if Addr is valid
}

// Protocol is the IP protocol number of announcements: one for experiments (RFC 3692).
const Protocol = 253

const (
	magic   = "dnod"
	version = 1
	flagAsk = 1
	flagFar = 2
	fixed   = 21 // bytes before the name
	far     = 5  // bytes behind it, with flagFar
	// MaxName is the longest name of a node, in bytes.
	MaxName = 64
)

// ErrName says that a node's name is not one: 1 to 64 letters, digits, '.', '-' or '_'.
var ErrName = errors.New("not a node name (1 to 64 letters, digits, '.', '-', '_')")

// Errors of announcements that are not taken.
var (
	errNotOurs = errors.New("not an announcement")
	errVersion = errors.New("announcement of another version")
)

// CheckName returns ErrName for what cannot be a node's name.
func CheckName(name string) error {
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r))
	}
	if len(name) == 0 || len(name) > MaxName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q: %w", name, ErrName)
	}
	return nil
}

// AppendAnnouncement appends an announcement: 21 bytes and the name, and 5 more if the address is told.
func AppendAnnouncement(b []byte, a Announcement) []byte {
	var flags byte
	if a.Ask {
		flags |= flagAsk
	}
	if a.Addr.IsValid() {
		flags |= flagFar
	}
	b = append(b, magic...)
	b = append(b, version, flags)
	b = binary.LittleEndian.AppendUint16(b, a.Processors)
	b = binary.LittleEndian.AppendUint32(b, a.Load)
	b = binary.LittleEndian.AppendUint32(b, a.FreeMemory)
	b = binary.LittleEndian.AppendUint32(b, a.Bodies)
	b = append(b, byte(len(a.Name)))
	b = append(b, a.Name...)
	if a.Addr.IsValid() {
		addr := a.Addr.As4()
		b = append(append(b, addr[:]...), a.Hops)
	}
	return b
}

// ParseAnnouncement parses a whole announcement.
func ParseAnnouncement(b []byte) (Announcement, error) {
	if len(b) < fixed || string(b[:4]) != magic {
		return Announcement{}, errNotOurs
	}
	if b[4] != version {
		return Announcement{}, fmt.Errorf("%w: %d", errVersion, b[4])
	}
	flags, name, rest := b[5], b[fixed:], 0
	if flags&flagFar != 0 {
		rest = far
	}
	if flags&^(flagAsk|flagFar) != 0 || len(name) != int(b[20])+rest {
		return Announcement{}, errNotOurs
	}
	name, end := name[:b[20]], name[b[20]:]
	if err := CheckName(string(name)); err != nil {
		return Announcement{}, err
	}
	a := Announcement{Name: string(name), Ask: flags&flagAsk != 0, Processors: binary.LittleEndian.Uint16(b[6:]),
		Load: binary.LittleEndian.Uint32(b[8:]), FreeMemory: binary.LittleEndian.Uint32(b[12:]),
		Bodies: binary.LittleEndian.Uint32(b[16:])}
	if flags&flagFar != 0 {
		a.Addr, a.Hops = netip.AddrFrom4([4]byte(end)), end[4]
	}
	return a, nil
}
