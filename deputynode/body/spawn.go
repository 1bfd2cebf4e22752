package body

import (
	"encoding/binary"
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/deputynode/image"
	"deputy/deputynode/tracee"
	"deputy/internal/sys"
	"deputy/wireproto"
)

// process is a traced process.
type process struct{ tracee.Tracee }

// mapped is a mapping of the kernel's own, and where it was put aside.
type mapped struct{ at, length uint64 }

// The seed is the program that an init runs, and a body until its image is complete. No program is likely to
// be loaded where it lies.
const (
	seedAddress = 0x3000_0000_0000
	seedSize    = 64 << 10
	seedCode    = seedAddress + 0x200
	seedSyscall = seedCode + 5
	seedScratch = seedAddress + 0x1000 // memory for the arguments of injected calls
	asideStart  = 0x3000_1000_0000     // where vvar and vdso wait
	pageSize    = 4096
)

// seedLoop waits for ever: MOVL $34, AX (pause); SYSCALL; JMP to the begin.
var seedLoop = []byte{0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7}

// seedELF is the seed as an executable file: one readable, writable and executable segment, no stack
// executable (elf(5)).
func seedELF() []byte {
	const headerSize, segmentSize = 64, 56
	file := make([]byte, seedCode-seedAddress+len(seedLoop))
	le := binary.LittleEndian
	copy(file, "\x7fELF\x02\x01\x01") // 64 bits, little-endian, version 1
	le.PutUint16(file[16:], 2)        // ET_EXEC
	le.PutUint16(file[18:], 62)       // EM_X86_64
	le.PutUint32(file[20:], 1)
	le.PutUint64(file[24:], seedCode)
	le.PutUint64(file[32:], headerSize) // program headers follow
	le.PutUint16(file[52:], headerSize)
	le.PutUint16(file[54:], segmentSize)
	le.PutUint16(file[56:], 2)
	load := file[headerSize:]
	le.PutUint32(load, 1)     // PT_LOAD
	le.PutUint32(load[4:], 7) // read, write, execute
	le.PutUint64(load[16:], seedAddress)
	le.PutUint64(load[24:], seedAddress)
	le.PutUint64(load[32:], uint64(len(file)))
	le.PutUint64(load[40:], seedSize)
	le.PutUint64(load[48:], pageSize)
	stack := load[segmentSize:]
	le.PutUint32(stack, 0x6474e551) // PT_GNU_STACK
	le.PutUint32(stack[4:], 6)
	copy(file[seedCode-seedAddress:], seedLoop)
	return file
}

const (
	initOptions = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEFORK
	bodyOptions = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACESECCOMP | tracee.ForkOptions
)

// create makes the process that a home agent asks for and answers it.
func (b *Body) create(now time.Duration, m []byte) error {
	c, err := wireproto.ParseCreate(m)
	if err != nil {
		return err
	}
	b.home, b.homePID, b.command = c.Node, int(c.HomePID), c.Command
	b.lazy = c.Flags&wireproto.CreateLazy != 0
	b.log = b.log.With("home", c.Node, "pid", c.HomePID, "command", c.Command)
	if c.Flags&wireproto.CreateFork != 0 {
		err = b.beChildOf(int(c.Parent))
		b.state = running
	} else {
		err = b.spawn()
		b.state = loading
	}
	if err != nil {
		b.log.Warn("no body created", "error", err)
		errno := unix.EIO
		_ = errors.As(err, &errno)
		b.send(now, wireproto.AppendCreated(b.message[:0], wireproto.Created{Errno: uint32(errno), Text: err.Error()}))
		b.ch.Close(now)
		b.finish()
		return nil
	}
	b.log.Info("body created", "body", b.self.PID)
	b.send(now, wireproto.AppendCreated(b.message[:0], wireproto.Created{}))
	return nil
}

// spawn makes a PID namespace, and the empty body in it.
func (b *Body) spawn() (err error) {
	if b.space, err = b.guest.newSpace(); err != nil {
		return err
	}
	b.group = &group{homePID: b.homePID}
	return b.fork()
}

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidfd, childTid, parentTid, exitSignal, stack, stackSize, tls, setTid, setTidSize, cgroup uint64
}

var errNoFork = errors.New("the init of a body did not fork")

// fork makes an empty body in the PID namespace, with the pid of home.
func (b *Body) fork() error {
	child := 0
	err := b.space.with(func() error {
		init := &b.space.init
		args := cloneArgs{exitSignal: uint64(unix.SIGCHLD), setTid: seedScratch + 256, setTidSize: 1}
		block := make([]byte, 512)
		*(*cloneArgs)(unsafe.Pointer(&block[0])) = args
		binary.LittleEndian.PutUint32(block[256:], uint32(b.homePID))
		if err := init.Write(seedScratch, block); err != nil {
			return err
		}
		init.OnEvent = func(event int) {
			if event != unix.PTRACE_EVENT_FORK {
				return
			}
			if pid, err := sys.PtraceGetEventMsg(init.PID); err == nil {
				child = int(pid)
			}
		}
		_, err := init.Call("clone3", unix.SYS_CLONE3, seedScratch, uint64(unsafe.Sizeof(args)))
		init.OnEvent = nil
		return err
	})
	if err == nil && child == 0 {
		err = errNoFork
	}
	if err != nil {
		return err
	}
	b.self = process{tracee.Tracee{PID: child, Syscall: seedSyscall}}
	b.group.pid = child
	b.guest.tracees[child] = b
	if _, err := b.self.Wait(); err != nil {
		return err
	}
	if err := sys.PtraceSetOptions(b.self.PID, bodyOptions|sys.PtraceOSuspendSeccomp); err != nil {
		return err
	}
	return b.putAside()
}

// putAside takes out of the address space what the image from home may need the addresses of: the stack goes,
// and what the kernel gave (vvar, vdso) waits aside until its place is known.
func (b *Body) putAside() error {
	mappings, err := image.Mappings(b.self.PID)
	if err != nil {
		return err
	}
	b.vdso = nil
	next := uint64(asideStart)
	for _, m := range mappings {
		switch {
		case m.Start >= seedAddress && m.End <= seedAddress+seedSize:
		case m.Kind == image.VDSO:
			if err := b.move(m.Start, m.Len(), next); err != nil {
				return err
			}
			b.vdso = append(b.vdso, mapped{next, m.Len()})
			next += m.Len()
		default:
			if _, err := b.self.Call("munmap", unix.SYS_MUNMAP, m.Start, m.Len()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Body) move(from, length, to uint64) error {
	_, err := b.self.Call("mremap", unix.SYS_MREMAP, from, length, length, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, to)
	return err
}

// respawn replaces the process by an empty one, for execve: of the old one nothing is left.
func (b *Body) respawn() error {
	b.listener.release()
	b.listener = nil
	if err := b.endGroup(); err != nil {
		return err
	}
	b.homePID, b.group.ended = b.group.homePID, false // of whichever thread called
	return b.fork()
}
