package wireproto

import "encoding/binary"

const (
	mapLen       = 24 // length, protection, flags, kind, reserved
	startLen     = startNumbers*8 + 4
	startNumbers = 12

	// AuxvEntryLen is the size in bytes of one entry of the auxiliary vector (getauxval(3)).
	AuxvEntryLen = 16

	// MaxAuxv is the longest auxiliary vector, in bytes: ten times what kernels use.
	MaxAuxv = 256 * AuxvEntryLen
)

// MapKind says what is mapped.
type MapKind uint32

const (
	MapAnonymous MapKind = 1
	MapFile      MapKind = 2 // filled by copyout or page-in
	MapStack     MapKind = 3 // grows downwards
	MapVDSO      MapKind = 4 // the code that the kernel gives every process (vdso(7)), with its data
)

// Map tells the body to map memory at an address, as mmap(2) does.
type Map struct {
	Sequence   uint16
	Address    uint64
	Length     uint64 // bytes, not zero; the end of the mapping fits in 64 bits
	Protection uint32 // PROT_ bits, passed on as they are
	Flags      uint32 // MAP_ bits, passed on as they are
	Kind       MapKind
}

// AppendMap appends a map, 40 bytes.
func AppendMap(b []byte, m Map) []byte {
	b = appendHeader(b, TypeMap, 0, m.Sequence, mapLen, m.Address)
	b = binary.LittleEndian.AppendUint64(b, m.Length)
	b = binary.LittleEndian.AppendUint32(b, m.Protection)
	b = binary.LittleEndian.AppendUint32(b, m.Flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(m.Kind))
	return binary.LittleEndian.AppendUint32(b, 0)
}

// ParseMap parses a whole map.
func ParseMap(b []byte) (Map, error) {
	h, rest, err := open(b, TypeMap)
	if err != nil {
		return Map{}, err
	}
	m := Map{
		Sequence: h.Sequence(), Address: h.Address(),
		Length:     binary.LittleEndian.Uint64(rest),
		Protection: binary.LittleEndian.Uint32(rest[8:]),
		Flags:      binary.LittleEndian.Uint32(rest[12:]),
		Kind:       MapKind(binary.LittleEndian.Uint32(rest[16:])),
	}
	reserved := binary.LittleEndian.Uint32(rest[20:])
	switch {
	case m.Length == 0 || m.Address+m.Length < m.Address:
		return Map{}, fail(TypeMap, "map length", ErrRange, m.Length)
	case m.Kind < MapAnonymous || m.Kind > MapVDSO:
		return Map{}, fail(TypeMap, "kind", ErrUnknown, uint64(m.Kind))
	case reserved != 0:
		return Map{}, fail(TypeMap, "reserved", ErrReserved, uint64(reserved))
	}
	return m, nil
}

// Start tells the body that its image is complete, and how it begins to run: the registers, and what the kernel keeps
// about the image (prctl(2), PR_SET_MM).
type Start struct {
	Sequence           uint16
	InstructionPointer uint64
	StackPointer       uint64
	StartBrk, Brk      uint64
	StartCode, EndCode uint64
	StartData, EndData uint64
	StartStack         uint64
	ArgStart, ArgEnd   uint64
	EnvStart, EnvEnd   uint64
	AuxiliaryVector    []byte // whole entries, at most MaxAuxv bytes; view into the message
}

// AppendStart appends a start, 116 bytes and the auxiliary vector.
func AppendStart(b []byte, s *Start) []byte {
	b = appendHeader(b, TypeStart, 0, s.Sequence, startLen+uint32(len(s.AuxiliaryVector)), s.InstructionPointer)
	for _, v := range [startNumbers]uint64{
		s.StackPointer, s.StartBrk, s.Brk, s.StartCode, s.EndCode, s.StartData, s.EndData, s.StartStack,
		s.ArgStart, s.ArgEnd, s.EnvStart, s.EnvEnd,
	} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.AuxiliaryVector)))
	return append(b, s.AuxiliaryVector...)
}

// ParseStart parses a whole start.
func ParseStart(b []byte) (Start, error) {
	h, rest, err := open(b, TypeStart)
	if err != nil {
		return Start{}, err
	}
	auxv := rest[startLen:]
	if n := binary.LittleEndian.Uint32(rest[startNumbers*8:]); n != uint32(len(auxv)) || n%AuxvEntryLen != 0 {
		return Start{}, fail(TypeStart, "auxv length", ErrLength, uint64(n))
	}
	s := Start{Sequence: h.Sequence(), InstructionPointer: h.Address(), AuxiliaryVector: auxv}
	for i, v := range [startNumbers]*uint64{
		&s.StackPointer, &s.StartBrk, &s.Brk, &s.StartCode, &s.EndCode, &s.StartData, &s.EndData, &s.StartStack,
		&s.ArgStart, &s.ArgEnd, &s.EnvStart, &s.EnvEnd,
	} {
		*v = binary.LittleEndian.Uint64(rest[i*8:])
	}
	return s, nil
}

// Reset tells the body to drop all user memory: the program is replaced (execve(2)), and a new image follows.
type Reset struct {
	Sequence uint16
}

// AppendReset appends a reset, 16 bytes.
func AppendReset(b []byte, seq uint16) []byte {
	return appendHeader(b, TypeReset, 0, seq, 0, 0)
}

// ParseReset parses a whole reset.
func ParseReset(b []byte) (Reset, error) {
	seq, err := parseBare(b, TypeReset)
	return Reset{seq}, err
}
