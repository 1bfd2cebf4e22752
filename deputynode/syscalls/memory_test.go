package syscalls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

const (
	testBase = 0x7000_0000_0000 // where the caller has the staging area
	bodyAddr = 0x10_0000        // where the body's memory begins in most tests
)

var errMissing = errors.New("missing")

// memory is a body's memory of whole pages, sparse.
type memory struct {
	pages   map[uint64][]byte
	missing map[uint64]bool // pages that are there and not yet known
	reads   int
}

func newMemory() *memory { return &memory{pages: map[uint64][]byte{}, missing: map[uint64]bool{}} }

// put writes data at addr and maps what it needs.
func (m *memory) put(addr uint64, data ...byte) {
	for i, b := range data {
		at := addr + uint64(i)
		page := at &^ (pageSize - 1)
		if m.pages[page] == nil {
			m.pages[page] = make([]byte, pageSize)
		}
		m.pages[page][at-page] = b
	}
}

func (m *memory) put64(addr uint64, values ...uint64) {
	for i, v := range values {
		m.put(addr+8*uint64(i), binary.NativeEndian.AppendUint64(nil, v)...)
	}
}

func (m *memory) put32(addr uint64, v uint32) {
	m.put(addr, binary.NativeEndian.AppendUint32(nil, v)...)
}

func (m *memory) at(addr uint64) ([]byte, error) {
	page := addr &^ (pageSize - 1)
	p := m.pages[page]
	switch {
	case p == nil:
		return nil, ErrFault
	case m.missing[page]:
		delete(m.missing, page)
		return nil, errMissing
	}
	return p[addr-page:], nil
}

func (m *memory) Read(addr uint64, p []byte) error {
	m.reads++
	for len(p) > 0 {
		src, err := m.at(addr)
		if err != nil {
			return err
		}
		n := copy(p, src)
		addr, p = addr+uint64(n), p[n:]
	}
	return nil
}

func (m *memory) ReadString(addr uint64, limit int) ([]byte, error) {
	m.reads++
	var s []byte
	for len(s) < limit {
		src, err := m.at(addr + uint64(len(s)))
		if err != nil {
			return nil, err
		}
		src = src[:min(len(src), limit-len(s))]
		if i := bytes.IndexByte(src, 0); i >= 0 {
			return append(s, src[:i+1]...), nil
		}
		s = append(s, src...)
	}
	return s, nil
}

func (m *memory) read(t *testing.T, addr uint64, n int) []byte {
	t.Helper()
	p := make([]byte, n)
	if err := m.Read(addr, p); err != nil {
		t.Fatalf("read of %#x: %v", addr, err)
	}
	return p
}

// piece is an output as Outputs gave it.
type piece struct {
	Addr uint64
	Data string
}

func outputs(c *Call, ret int64) []piece {
	var got []piece
	c.Outputs(ret, func(addr uint64, data []byte) { got = append(got, piece{addr, string(data)}) })
	return got
}

// staged returns n bytes of the staging area that the call sees at addr.
func staged(t *testing.T, c *Call, addr uint64, n int) []byte {
	t.Helper()
	off := addr - c.base
	if addr < c.base || off+uint64(n) > uint64(len(c.staging)) {
		t.Fatalf("%#x is not in the staging area", addr)
	}
	return c.staging[off:][:n]
}
