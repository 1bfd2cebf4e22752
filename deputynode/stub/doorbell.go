package stub

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

// Doorbell is the word that the stubs of a node ring when a call returns for which the agent had stopped
// to look.
type Doorbell struct {
	fd      int
	mapping []byte
	word    *uint32
}

// NewDoorbell makes a doorbell.
func NewDoorbell() (*Doorbell, error) {
	fd, err := unix.MemfdCreate("doorbell", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	if err = unix.Ftruncate(fd, pageSize); err == nil {
		var mapping []byte
		mapping, err = unix.Mmap(fd, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err == nil {
			return &Doorbell{fd: fd, mapping: mapping, word: (*uint32)(unsafe.Pointer(&mapping[0]))}, nil
		}
	}
	_ = unix.Close(fd)
	return nil, fmt.Errorf("doorbell: %w", err)
}

// FD is the descriptor to map in the deputies.
func (d *Doorbell) FD() int { return d.fd }

// Count is how often the bell has rung, modulo 2^32.
func (d *Doorbell) Count() uint32 { return atomic.LoadUint32(d.word) }

// Wait sleeps until Count is not seen any more, and may return before.
func (d *Doorbell) Wait(seen uint32) { sys.FutexWait(d.word, seen) }

// Ring rings the bell from this side, to end a Wait.
func (d *Doorbell) Ring() {
	atomic.AddUint32(d.word, 1)
	sys.FutexWake(d.word)
}
