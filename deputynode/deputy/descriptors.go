package deputy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/deputynode/tracee"
)

// passer hands descriptors of the agent to a process that runs nothing of ours yet: the process is made to
// connect to a socket of the agent and to receive them from there.
type passer struct {
	listener int
	address  unix.RawSockaddrUnix
	length   uint32
}

func newPasser() (*passer, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	p := &passer{listener: fd, address: unix.RawSockaddrUnix{Family: unix.AF_UNIX}}
	err = unix.Bind(fd, &unix.SockaddrUnix{}) // autobind: the kernel picks an abstract name, see unix(7)
	if err == nil {
		err = unix.Listen(fd, 16)
	}
	var name unix.Sockaddr
	if err == nil {
		name, err = unix.Getsockname(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("socket for descriptors: %w", err)
	}
	path := name.(*unix.SockaddrUnix).Name // "@" stands for the leading NUL
	for i := 1; i < len(path); i++ {
		p.address.Path[i] = int8(path[i])
	}
	p.length = uint32(2 + len(path))
	return p, nil
}

func (p *passer) close() { _ = unix.Close(p.listener) }

// Layout of what the process needs to receive descriptors, in memory that is scratch for this purpose.
const (
	scratchHeader  = 0   // struct msghdr, 56 bytes
	scratchVector  = 64  // struct iovec, 16 bytes
	scratchByte    = 80  // the byte that carries them
	scratchControl = 96  // control message, 64 bytes
	scratchName    = 256 // struct sockaddr_un
	scratchSize    = 512
)

var errNotPassed = errors.New("descriptors did not arrive")

// pass gives descriptors to a thread of the process pid and returns their numbers there. scratch is an address of
// scratchSize writable bytes in it.
func (p *passer) pass(pid int, t *tracee.Tracee, scratch uint64, fds ...int) ([]uint64, error) {
	socket, err := t.Call("socket", unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := p.send(pid, t, socket, scratch, fds); err != nil {
		return nil, err
	}
	controlSize := unix.CmsgSpace(4 * len(fds))
	var block [scratchSize]byte
	le := binary.LittleEndian
	le.PutUint64(block[scratchHeader+16:], scratch+scratchVector)
	le.PutUint64(block[scratchHeader+24:], 1)
	le.PutUint64(block[scratchHeader+32:], scratch+scratchControl)
	le.PutUint64(block[scratchHeader+40:], uint64(controlSize))
	le.PutUint64(block[scratchVector:], scratch+scratchByte)
	le.PutUint64(block[scratchVector+8:], 1)
	if err := t.Write(scratch, block[:]); err != nil {
		return nil, err
	}
	if _, err := t.Call("recvmsg", unix.SYS_RECVMSG, socket, scratch, 0); err != nil {
		return nil, err
	}
	if err := t.Read(scratch, block[:]); err != nil {
		return nil, err
	}
	control := block[scratchControl:][:controlSize]
	if le.Uint64(control) != uint64(unix.CmsgLen(4*len(fds))) {
		return nil, errNotPassed
	}
	numbers := make([]uint64, len(fds))
	for i := range numbers {
		numbers[i] = uint64(le.Uint32(control[unix.CmsgLen(0)+4*i:]))
	}
	_, err = t.Call("close", unix.SYS_CLOSE, socket)
	return numbers, err
}

// send connects the process's socket to the agent and sends the descriptors into it.
func (p *passer) send(pid int, t *tracee.Tracee, socket, scratch uint64, fds []int) error {
	name := unsafe.Slice((*byte)(unsafe.Pointer(&p.address)), p.length)
	if err := t.Write(scratch+scratchName, name); err != nil {
		return err
	}
	if _, err := t.Call("connect", unix.SYS_CONNECT, socket, scratch+scratchName, uint64(p.length)); err != nil {
		return err
	}
	for {
		peer, _, err := unix.Accept4(p.listener, unix.SOCK_CLOEXEC)
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		who, err := unix.GetsockoptUcred(peer, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil && int(who.Pid) == pid {
			err = unix.Sendmsg(peer, []byte{0}, unix.UnixRights(fds...), nil, 0)
			_ = unix.Close(peer)
			if err != nil {
				return fmt.Errorf("send descriptors: %w", err)
			}
			return nil
		}
		_ = unix.Close(peer) // a stranger found the name
	}
}
