package wireproto

import (
	"encoding/binary"
	"math"
)

const (
	// Version is the version of the protocol, exchanged by Create and Created. There is one so far.
	Version = 1

	// MaxString is the longest string in a message, in bytes.
	MaxString = math.MaxUint16

	createLen = 8 // flags and the lengths of two strings
	parentLen = 4 // with CreateFork
)

// CreateFlags are the options of a body.
type CreateFlags uint32

const (
	// CreateLazy says that the body sends no ranges with its requests, the deputy asks by copyin.
	CreateLazy CreateFlags = 1
	// CreateFork says that the body is the child of another one on the node, which waits in fork(2), vfork(2) or
	// clone(2) (thesis 4.4.1). Parent is sent with it alone.
	CreateFork CreateFlags = 2
)

// Create asks a node's agent for a body; it is the first message on a connection. It carries Version.
type Create struct {
	Sequence uint16
	HomePID  uint32 // of the deputy
	Flags    CreateFlags
	Parent   uint32 // home pid of the parent; with CreateFork
	Node     string // name of the home node, at most MaxString bytes
	Command  string // name of the program, for people to read, at most MaxString bytes
}

// AppendCreate appends a create, 24 bytes, or 28 with CreateFork, and the two strings. A string that is too long is a *FieldError with
// ErrLength, and b is returned as it was.
func AppendCreate(b []byte, c Create) ([]byte, error) {
	if len(c.Node) > MaxString {
		return b, fail(TypeCreate, "node", ErrLength, uint64(len(c.Node)))
	}
	if len(c.Command) > MaxString {
		return b, fail(TypeCreate, "command", ErrLength, uint64(len(c.Command)))
	}
	length := createLen + uint32(len(c.Node)) + uint32(len(c.Command))
	if c.Flags&CreateFork != 0 {
		length += parentLen
	}
	b = appendHeader(b, TypeCreate, 0, c.Sequence, length, pair(Version, c.HomePID))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Flags))
	if c.Flags&CreateFork != 0 {
		b = binary.LittleEndian.AppendUint32(b, c.Parent)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(c.Node)))
	b = append(b, c.Node...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(c.Command)))
	return append(b, c.Command...), nil
}

// ParseCreate parses a whole create. Of another version's it reports ErrVersion before looking at what follows the
// header, so that the agent can answer.
func ParseCreate(b []byte) (Create, error) {
	h, rest, err := open(b, TypeCreate)
	if err != nil {
		return Create{}, err
	}
	if h.Call() != Version {
		return Create{}, fail(TypeCreate, "version", ErrVersion, uint64(h.Call()))
	}
	c := Create{Sequence: h.Sequence(), HomePID: h.Widths(), Flags: CreateFlags(binary.LittleEndian.Uint32(rest))}
	if unknown := c.Flags &^ (CreateLazy | CreateFork); unknown != 0 {
		return Create{}, fail(TypeCreate, "create flags", ErrUnknown, uint64(unknown))
	}
	rest = rest[4:]
	if c.Flags&CreateFork != 0 { // a string's length of two bytes has to follow: four are there
		c.Parent, rest = binary.LittleEndian.Uint32(rest), rest[parentLen:]
	}
	if c.Node, rest, err = cutString(rest, "node"); err != nil {
		return Create{}, err
	}
	if c.Command, rest, err = cutString(rest, "command"); err != nil {
		return Create{}, err
	}
	if len(rest) != 0 {
		return Create{}, fail(TypeCreate, "length", ErrLength, uint64(h.Length()))
	}
	return c, nil
}

// cutString cuts a string with a length of two bytes from the beginning of b.
func cutString(b []byte, field string) (string, []byte, error) {
	if len(b) < 2 {
		return "", nil, fail(TypeCreate, field, ErrTruncated, uint64(len(b)))
	}
	n := int(binary.LittleEndian.Uint16(b))
	b = b[2:]
	if len(b) < n {
		return "", nil, fail(TypeCreate, field, ErrTruncated, uint64(len(b)))
	}
	return string(b[:n]), b[n:], nil
}

// Created answers a Create. It carries Version.
type Created struct {
	Sequence uint16
	Errno    uint32 // 0 if there is a body now, at most MaxErrno
	Text     string // why there is none, for people to read, at most MaxString bytes; may be empty
}

// AppendCreated appends a created, 16 bytes and the text, of which it leaves out what exceeds MaxString.
func AppendCreated(b []byte, c Created) []byte {
	text := c.Text[:min(len(c.Text), MaxString)]
	b = appendHeader(b, TypeCreated, 0, c.Sequence, uint32(len(text)), pair(Version, c.Errno))
	return append(b, text...)
}

// ParseCreated parses a whole created. Another version is ErrVersion; the error's Value is the version.
func ParseCreated(b []byte) (Created, error) {
	h, rest, err := open(b, TypeCreated)
	if err != nil {
		return Created{}, err
	}
	if h.Call() != Version {
		return Created{}, fail(TypeCreated, "version", ErrVersion, uint64(h.Call()))
	}
	c := Created{Sequence: h.Sequence(), Errno: h.Widths(), Text: string(rest)}
	if c.Errno > MaxErrno {
		return Created{}, fail(TypeCreated, "error", ErrRange, uint64(c.Errno))
	}
	return c, nil
}
