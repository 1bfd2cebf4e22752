package wireproto

import "encoding/binary"

const versionLen = 8 + 16 // offset, version

// FileVersion tells the body which file, as it stood, a mapping shows that follows or is about to be filled: where the
// node has pages of the same version, they need not come from home. It precedes the map, or the result of mmap(2).
type FileVersion struct {
	Sequence uint16
	Address  uint64   // of the mapping
	Offset   uint64   // in the file, of its first byte
	Version  [16]byte // another for another file, or another state of the same
}

// AppendFileVersion appends a file version, 40 bytes.
func AppendFileVersion(b []byte, v FileVersion) []byte {
	b = appendHeader(b, TypeFileVersion, 0, v.Sequence, versionLen, v.Address)
	b = binary.LittleEndian.AppendUint64(b, v.Offset)
	return append(b, v.Version[:]...)
}

// ParseFileVersion parses a whole file version.
func ParseFileVersion(b []byte) (FileVersion, error) {
	h, rest, err := open(b, TypeFileVersion)
	if err != nil {
		return FileVersion{}, err
	}
	v := FileVersion{Sequence: h.Sequence(), Address: h.Address(), Offset: binary.LittleEndian.Uint64(rest)}
	copy(v.Version[:], rest[8:])
	return v, nil
}
