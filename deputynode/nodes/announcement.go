// Package nodes finds the nodes of a network: each announces itself once a second, in a datagram to all, and
// remembers whom it heard (as the load of nodes spreads in MOSIX).
//
// An announcement, all numbers little-endian:
//
//	0   "dnod"
//	4   u8   version (1)
//	5   u8   flags: 1, the sender wants to hear all others at once
//	6   u16  number of processors
//	8   u32  load: 100 times the average number of runnable processes over the last minute
//	12  u32  free memory in MiB
//	16  u32  bodies running here
//	20  u8   length of the name, 1 to 64, then the name
package nodes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Announcement is what a node tells of itself.
type Announcement struct {
	Name       string
	Ask        bool // the sender wants to hear all others at once
	Processors uint16
	Load       uint32 // 100 times the one-minute average of runnable processes
	FreeMemory uint32 // MiB
	Bodies     uint32
}

// Protocol is the IP protocol number of announcements: one for experiments (RFC 3692).
const Protocol = 253

const (
	magic   = "dnod"
	version = 1
	flagAsk = 1
	fixed   = 21 // bytes before the name
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

// AppendAnnouncement appends an announcement, 21 bytes and the name.
func AppendAnnouncement(b []byte, a Announcement) []byte {
	var flags byte
	if a.Ask {
		flags = flagAsk
	}
	b = append(b, magic...)
	b = append(b, version, flags)
	b = binary.LittleEndian.AppendUint16(b, a.Processors)
	b = binary.LittleEndian.AppendUint32(b, a.Load)
	b = binary.LittleEndian.AppendUint32(b, a.FreeMemory)
	b = binary.LittleEndian.AppendUint32(b, a.Bodies)
	b = append(b, byte(len(a.Name)))
	return append(b, a.Name...)
}

// ParseAnnouncement parses a whole announcement.
func ParseAnnouncement(b []byte) (Announcement, error) {
	if len(b) < fixed || string(b[:4]) != magic {
		return Announcement{}, errNotOurs
	}
	if b[4] != version {
		return Announcement{}, fmt.Errorf("%w: %d", errVersion, b[4])
	}
	name := string(b[fixed:])
	if b[5]&^flagAsk != 0 || len(name) != int(b[20]) {
		return Announcement{}, errNotOurs
	}
	if err := CheckName(name); err != nil {
		return Announcement{}, err
	}
	return Announcement{Name: name, Ask: b[5]&flagAsk != 0, Processors: binary.LittleEndian.Uint16(b[6:]),
		Load: binary.LittleEndian.Uint32(b[8:]), FreeMemory: binary.LittleEndian.Uint32(b[12:]),
		Bodies: binary.LittleEndian.Uint32(b[16:])}, nil
}
