package deputy

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/deputynode/image"
	"deputy/deputynode/stub"
	"deputy/deputynode/tracee"
	"deputy/internal/sys"
)

// The user address space of a deputy:
//
//	lowest .. mappingsStart          memory window
//	mappingsStart .. stub.Base       files that the body has mapped
//	stub.Base .. stub.End            stub and what it shares with the agent
//	stub.End .. highest              memory window
const (
	lowest        = 0x1_0000
	mappingsStart = 0x2000_0000_0000
	highest       = 0x7fff_ffff_f000
	pageSize      = 4096
)

// userCodeSegment is the CS of a 64-bit program.
const userCodeSegment = 0x33

var (
	errNot64Bit    = errors.New("not a 64-bit program")
	errNoArguments = errors.New("its arguments are not on its stack")
	errNoSyscall   = errors.New("no syscall instruction in its vdso")
)

// program is what a process consisted of before it became a deputy.
type program struct {
	mappings []image.Mapping
	layout   image.Layout
	auxv     []byte
	regs     unix.PtraceRegs
	stack    []byte              // from the stack pointer to the end of the stack
	versions map[uint64][16]byte // of the files that are mapped, by the address of the mapping
}

// hollow makes a deputy of a process that has just executed a program: it takes the program out, maps the
// stub, moves the files that are mapped out of the way, spreads the memory window, and leaves the process
// stopped at the stub's first instruction.
//
//  1. finish execve, read what the program consists of
//  2. hand the shared memory and /dev/userfaultfd to the process, map them
//  3. from then on inject through the stub's own instruction
//  4. move the file mappings, drop the rest
//  5. window, arguments and environment for /proc, registers
func (d *Deputy) hollow() (*program, error) {
	if err := d.tracee.ToSystemCall(); err != nil { // the exit of execve
		return nil, err
	}
	p, err := readProgram(d.tracee)
	if err != nil {
		return nil, err
	}
	p.versions = map[uint64][16]byte{}
	for _, m := range p.mappings {
		if v, ok := d.fileVersion(m.Start, m.End); ok && m.Kind == image.File {
			p.versions[m.Start] = v
		}
	}
	if err := d.mapStub(p); err != nil {
		return nil, err
	}
	if err := d.clear(p); err != nil {
		return nil, err
	}
	if err := d.spreadWindow(); err != nil {
		d.log.Warn("no memory window: calls that the table does not know will fail", "error", err)
	}
	if err := d.showArguments(p); err != nil {
		return nil, err
	}
	return p, d.enterStub(p.regs)
}

// enterStub sets the registers for the stub's first instruction.
func (d *Deputy) enterStub(regs unix.PtraceRegs) error {
	regs.Rip, regs.Rsp, regs.Orig_rax = stub.Code, d.memory.StackTop(), ^uint64(0)
	regs.R12, regs.R13 = d.memory.Base(), stub.Bell
	return sys.PtraceSetRegs(d.tracee.PID, &regs)
}

// readProgram reads the image of a process in its first stop after execve.
func readProgram(t *tracee.Tracee) (*program, error) {
	var p program
	err := sys.PtraceGetRegs(t.PID, &p.regs)
	if err == nil && p.regs.Cs != userCodeSegment {
		err = errNot64Bit
	}
	if err == nil {
		p.mappings, err = image.Mappings(t.PID)
	}
	if err == nil {
		p.layout, err = image.ReadLayout(t.PID)
	}
	if err == nil {
		p.auxv, err = image.Auxv(t.PID)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range p.mappings {
		switch {
		case m.Kind == image.Stack:
			p.stack = make([]byte, m.End-p.regs.Rsp)
			if err := t.Read(p.regs.Rsp, p.stack); err != nil {
				return nil, err
			}
		case m.Path == "[vdso]":
			text := make([]byte, m.Len())
			if err := t.Read(m.Start, text); err != nil {
				return nil, err
			}
			if at := bytes.Index(text, []byte{0x0f, 0x05}); at >= 0 {
				t.Syscall = m.Start + uint64(at)
			}
		}
	}
	if t.Syscall == 0 {
		return nil, errNoSyscall
	}
	return &p, nil
}

// mapStub maps the memory that agent and deputy share and makes the deputy's userfaultfd.
func (d *Deputy) mapStub(p *program) error {
	t := d.tracee
	scratch := (p.regs.Rsp - 2*scratchSize) &^ 63 // below the red zone of a program that has not run yet
	if err := d.mapShared(scratch, unix.MAP_FIXED_NOREPLACE); err != nil {
		return err
	}
	t.Syscall = stub.Instruction()
	return nil
}

// mapShared maps what the agent shares with the deputy, and makes the userfaultfd. scratch is an address of scratchSize
// writable bytes; fixed is MAP_FIXED where what a parent shares is to be replaced, else MAP_FIXED_NOREPLACE.
func (d *Deputy) mapShared(scratch, fixed uint64) error {
	t := d.tracee
	fds, err := d.home.passer.pass(d.pid(), t, scratch, d.memory.FD(), d.home.bell.FD(), d.home.uffd)
	if err != nil {
		return err
	}
	const readWrite = unix.PROT_READ | unix.PROT_WRITE
	for _, c := range []struct {
		name string
		call uintptr
		args []uint64
	}{
		// Executable all of it, until the page with the instruction by which the calls are made is so.
		{"mmap", unix.SYS_MMAP, []uint64{stub.Base, stub.Size, readWrite | unix.PROT_EXEC,
			unix.MAP_SHARED | unix.MAP_NORESERVE | fixed, fds[0], 0}},
		{"mmap", unix.SYS_MMAP, []uint64{stub.Bell, pageSize, readWrite, unix.MAP_SHARED | fixed, fds[1], 0}},
		{"mprotect", unix.SYS_MPROTECT, []uint64{stub.Code, pageSize, unix.PROT_READ | unix.PROT_EXEC}},
		{"mprotect", unix.SYS_MPROTECT, []uint64{stub.Base, stub.Code - stub.Base, readWrite}},
		{"mprotect", unix.SYS_MPROTECT, []uint64{stub.Code + pageSize, stub.Bell - stub.Code - pageSize, readWrite}},
	} {
		if _, err := t.Call(c.name, c.call, c.args...); err != nil {
			return err
		}
	}
	window, err := t.Call("userfaultfd", unix.SYS_IOCTL, fds[2], sys.UserfaultNew, unix.O_CLOEXEC|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	uffd, err := sys.TakeDescriptor(t.PID, int(window))
	if err != nil {
		return err
	}
	d.process.window.open(uffd)
	for _, fd := range append(fds, window) {
		if _, err := t.Call("close", unix.SYS_CLOSE, fd); err != nil {
			return err
		}
	}
	return nil
}

// clear moves the program's file mappings to where they are not in the way and drops everything else.
func (d *Deputy) clear(p *program) error {
	t := d.tracee
	d.process.files.reset()
	for _, m := range p.mappings {
		if m.Kind != image.File {
			if _, err := t.Call("munmap", unix.SYS_MUNMAP, m.Start, m.Len()); err != nil {
				return err
			}
			continue
		}
		at := d.process.files.place(m.Start, m.Len())
		if _, err := t.Call("mremap", unix.SYS_MREMAP, m.Start, m.Len(), m.Len(), unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, at); err != nil {
			return err
		}
	}
	return nil
}

// windowPieces is where the memory window lies, from and to.
var windowPieces = [][2]uint64{{lowest, mappingsStart}, {stub.End, highest}}

// spreadWindow covers what is left of the address space by memory that is fetched from the body when the
// kernel touches it.
func (d *Deputy) spreadWindow() error {
	if err := sys.UserfaultAPI(d.process.window.fd); err != nil {
		return err
	}
	for _, piece := range windowPieces {
		length := piece[1] - piece[0]
		if _, err := d.tracee.Call("mmap", unix.SYS_MMAP, piece[0], length, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|unix.MAP_FIXED_NOREPLACE, ^uint64(0), 0); err != nil {
			return err
		}
		if _, err := d.tracee.Call("madvise", unix.SYS_MADVISE, piece[0], length, unix.MADV_DONTDUMP); err != nil {
			return err
		}
		if err := sys.UserfaultRegister(d.process.window.fd, piece[0], length); err != nil {
			return err
		}
	}
	return nil
}

// mmMap is struct prctl_mm_map of linux/prctl.h.
type mmMap struct {
	layout   image.Layout
	auxv     uint64
	auxvSize uint32
	exe      int32
}

// showArguments gives /proc/PID/cmdline and environ a copy to show: the stack that held them is the body's.
func (d *Deputy) showArguments(p *program) error {
	l := p.layout
	from := l.ArgStart
	if from < p.regs.Rsp || l.EnvEnd < from || l.EnvEnd-p.regs.Rsp > uint64(len(p.stack)) {
		return errNoArguments
	}
	text := d.memory.Strings()
	text = text[:copy(text, p.stack[from-p.regs.Rsp:l.EnvEnd-p.regs.Rsp])]
	limit := stub.Strings + uint64(len(text))
	for _, boundary := range []*uint64{&l.ArgStart, &l.ArgEnd, &l.EnvStart, &l.EnvEnd} {
		*boundary = min(stub.Strings+*boundary-from, limit)
	}
	m := mmMap{layout: l, exe: -1}
	block := unsafe.Slice((*byte)(unsafe.Pointer(&m)), unsafe.Sizeof(m))
	copy(d.memory.Staging(), block)
	if _, err := d.tracee.Call("prctl(PR_SET_MM)", unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, d.staged(0),
		uint64(len(block)), 0); err != nil {
		return fmt.Errorf("arguments for /proc: %w", err)
	}
	return nil
}
