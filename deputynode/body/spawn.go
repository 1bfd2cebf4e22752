package body

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
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
	bodyOptions = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACESECCOMP
	// namespaces of a body. With its filter it reaches nothing of them; they are the second wall.
	namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
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
	if err := b.spawn(); err != nil {
		b.log.Warn("no body created", "error", err)
		errno := unix.EIO
		_ = errors.As(err, &errno)
		b.send(now, wireproto.AppendCreated(b.message[:0], wireproto.Created{Errno: uint32(errno), Text: err.Error()}))
		b.ch.Close(now)
		b.finish()
		return nil
	}
	b.state = loading
	b.log.Info("body created", "body", b.self.PID)
	b.send(now, wireproto.AppendCreated(b.message[:0], wireproto.Created{}))
	return nil
}

// spawn makes the init of a new PID namespace, and the empty body in it.
func (b *Body) spawn() error {
	fd, err := unix.MemfdCreate("deputy-body", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create: %w", err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, seedELF()); err != nil {
		return fmt.Errorf("write the seed: %w", err)
	}
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", fd), []string{"deputy-init"}, &syscall.ProcAttr{
		Env: []string{},
		Sys: &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true, Pdeathsig: unix.SIGKILL},
	})
	if err != nil {
		return fmt.Errorf("start the init of a body: %w", err)
	}
	b.init.PID, b.init.Syscall = pid, seedSyscall
	b.guest.tracees[pid] = b
	if err := sys.PtraceSeize(pid, initOptions); err != nil {
		return err
	}
	return b.fork()
}

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidfd, childTid, parentTid, exitSignal, stack, stackSize, tls, setTid, setTidSize, cgroup uint64
}

var errNoFork = errors.New("the init of a body did not fork")

// fork makes an empty body in the PID namespace, with the pid of home.
func (b *Body) fork() error {
	if err := sys.PtraceInterrupt(b.init.PID); err != nil {
		return err
	}
	if _, err := b.init.Wait(); err != nil {
		return err
	}
	args := cloneArgs{exitSignal: uint64(unix.SIGCHLD), setTid: seedScratch + 256, setTidSize: 1}
	block := make([]byte, 512)
	*(*cloneArgs)(unsafe.Pointer(&block[0])) = args
	binary.LittleEndian.PutUint32(block[256:], uint32(b.homePID))
	if err := b.init.Write(seedScratch, block); err != nil {
		return err
	}
	child := 0
	b.init.OnEvent = func(event int) {
		if event != unix.PTRACE_EVENT_FORK {
			return
		}
		if pid, err := sys.PtraceGetEventMsg(b.init.PID); err == nil {
			child = int(pid)
		}
	}
	_, err := b.init.Call("clone3", unix.SYS_CLONE3, seedScratch, uint64(unsafe.Sizeof(args)))
	b.init.OnEvent = nil
	if err == nil && child == 0 {
		err = errNoFork
	}
	if err != nil {
		return err
	}
	b.self = process{tracee.Tracee{PID: child, Syscall: seedSyscall}}
	b.guest.tracees[child] = b
	if _, err := b.self.Wait(); err != nil {
		return err
	}
	if err := sys.PtraceCont(b.init.PID, 0); err != nil {
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
	old := b.self.PID
	b.guest.loop.Unwatch(b.listener)
	_ = unix.Close(b.listener)
	b.listener = -1
	delete(b.guest.tracees, old)
	if err := unix.Kill(old, unix.SIGKILL); err != nil {
		return fmt.Errorf("end the old image: %w", err)
	}
	var gone *tracee.Gone
	for gone == nil {
		if _, err := b.self.Wait(); err != nil && !errors.As(err, &gone) {
			return err
		}
	}
	if err := sys.PtraceInterrupt(b.init.PID); err != nil {
		return err
	}
	if _, err := b.init.Wait(); err != nil {
		return err
	}
	// The pid is free only when the init, its parent, has waited for it.
	if _, err := b.init.Call("wait4", unix.SYS_WAIT4, ^uint64(0), 0, unix.WALL, 0); err != nil {
		return err
	}
	if err := sys.PtraceCont(b.init.PID, 0); err != nil {
		return err
	}
	return b.fork()
}
