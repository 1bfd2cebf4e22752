package body

import (
	"encoding/binary"
	"fmt"
	"path"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
	"deputy/wireproto"
)

// nobody is the user and group that a body has on its node, where it owns nothing.
const nobody = 65534

// filterFlags: with a listener; and once the agent has taken a call, nothing but its answer or death ends
// the wait, so that no signal comes between a call and its result (Linux 5.19).
const filterFlags = sys.SeccompFilterNewListener | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV

// launch lets the complete image run:
//
//  1. the mappings get their protection, the kernel's own their place
//  2. the kernel is told where the parts of the program are
//  3. all rights on this node are given up, the filter is installed
//  4. the seed goes, the registers are set
func (b *Body) launch(now time.Duration) {
	if err := b.prepare(); err != nil {
		b.fail(now, fmt.Errorf("start the body: %w", err))
		return
	}
	b.load = load{}
	b.state = running
	b.tx.open = false
	if err := sys.PtraceCont(b.self.PID, 0); err != nil {
		b.log.Debug("start", "error", err) // killed; its end is told next
	}
}

func (b *Body) prepare() error {
	start := &b.load.start
	vdso := wireproto.Map{}
	for _, m := range b.load.mappings {
		if m.Kind == wireproto.MapVDSO {
			vdso = m
			continue
		}
		if m.Protection == unix.PROT_READ|unix.PROT_WRITE {
			continue
		}
		if _, err := b.self.Call("mprotect", unix.SYS_MPROTECT, m.Address, m.Length, uint64(m.Protection)); err != nil {
			return err
		}
	}
	if err := b.placeVDSO(vdso, start); err != nil {
		return err
	}
	if err := b.setLayout(start); err != nil {
		return err
	}
	if err := b.renounce(); err != nil {
		return err
	}
	if _, err := b.self.Call("munmap", unix.SYS_MUNMAP, seedAddress, seedSize); err != nil {
		return err
	}
	var regs unix.PtraceRegs
	if err := sys.PtraceGetRegs(b.self.PID, &regs); err != nil {
		return err
	}
	fresh := unix.PtraceRegs{Rip: start.InstructionPointer, Rsp: start.StackPointer, Cs: regs.Cs, Ss: regs.Ss,
		Eflags: 0x202, Orig_rax: ^uint64(0)} // interrupts enabled; no call to restart
	if err := sys.PtraceSetRegs(b.self.PID, &fresh); err != nil {
		return err
	}
	return sys.PtraceSetOptions(b.self.PID, bodyOptions)
}

// atSysinfo and atIgnore are keys of the auxiliary vector: the address of the vdso, and an entry to pass over.
const (
	atIgnore  = 1
	atSysinfo = 33
)

// placeVDSO moves this kernel's vvar and vdso to where the program expects those of home. Where they are not of
// the same size the program is told that there is none, before it looks: its C library then makes system
// calls instead.
func (b *Body) placeVDSO(want wireproto.Map, start *wireproto.Start) error {
	have := uint64(0)
	for _, m := range b.vdso {
		have += m.length
	}
	if want.Length == have {
		to := want.Address
		for _, m := range b.vdso {
			if err := b.move(m.at, m.length, to); err != nil {
				return err
			}
			to += m.length
		}
		return nil
	}
	for _, m := range b.vdso {
		if _, err := b.self.Call("munmap", unix.SYS_MUNMAP, m.at, m.length); err != nil {
			return err
		}
	}
	return b.hideVDSO(start)
}

// hideVDSO changes the auxiliary vector on the stack: behind the pointers to arguments and environment, each
// ended by a null pointer.
func (b *Body) hideVDSO(start *wireproto.Start) error {
	var word [8]byte
	read := func(at uint64) (uint64, error) {
		err := b.self.Read(at, word[:])
		return binary.LittleEndian.Uint64(word[:]), err
	}
	argc, err := read(start.StackPointer)
	if err != nil {
		return err
	}
	at := start.StackPointer + 8 + 8*argc + 8
	for {
		pointer, err := read(at)
		if err != nil {
			return err
		}
		at += 8
		if pointer == 0 {
			break
		}
	}
	for ; ; at += wireproto.AuxvEntryLen {
		key, err := read(at)
		if err != nil || key == 0 {
			return err
		}
		if key == atSysinfo {
			binary.LittleEndian.PutUint64(word[:], atIgnore)
			return b.self.Write(at, word[:])
		}
	}
}

// setLayout tells the kernel where the parts of the program are (prctl(2), PR_SET_MM_MAP): brk continues from
// there, and this node's /proc shows the arguments.
func (b *Body) setLayout(s *wireproto.Start) error {
	layout := struct {
		numbers  [11]uint64
		auxv     uint64
		auxvSize uint32
		exe      int32
	}{
		numbers: [11]uint64{s.StartCode, s.EndCode, s.StartData, s.EndData, s.StartBrk, s.Brk, s.StartStack,
			s.ArgStart, s.ArgEnd, s.EnvStart, s.EnvEnd},
		exe: -1,
	}
	if n := len(s.AuxiliaryVector); n > 0 {
		layout.auxv, layout.auxvSize = seedScratch+512, uint32(n)
		if err := b.self.Write(seedScratch+512, s.AuxiliaryVector); err != nil {
			return err
		}
	}
	block := unsafe.Slice((*byte)(unsafe.Pointer(&layout)), unsafe.Sizeof(layout))
	if err := b.self.Write(seedScratch, block); err != nil {
		return err
	}
	if _, err := b.self.Call("prctl(PR_SET_MM)", unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, seedScratch,
		uint64(len(block)), 0); err != nil {
		return err
	}
	name := append([]byte(path.Base(b.command)), 0)
	if err := b.self.Write(seedScratch, name[:min(len(name), 1024)]); err != nil {
		return err
	}
	_, err := b.self.Call("prctl(PR_SET_NAME)", unix.SYS_PRCTL, unix.PR_SET_NAME, seedScratch)
	return err
}

// renounce gives up every right on this node and installs the filter; what the filter does not allow reaches
// the agent from then on.
func (b *Body) renounce() error {
	for _, c := range []struct {
		name string
		call uintptr
		args []uint64
	}{
		{"setgroups", unix.SYS_SETGROUPS, []uint64{0, 0}},
		{"setresgid", unix.SYS_SETRESGID, []uint64{nobody, nobody, nobody}},
		{"setresuid", unix.SYS_SETRESUID, []uint64{nobody, nobody, nobody}},
		{"prctl(PR_SET_NO_NEW_PRIVS)", unix.SYS_PRCTL, []uint64{unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0}},
	} {
		if _, err := b.self.Call(c.name, c.call, c.args...); err != nil {
			return err
		}
	}
	filter := b.guest.filter
	code := unsafe.Slice((*byte)(unsafe.Pointer(&filter[0])), len(filter)*int(unsafe.Sizeof(filter[0])))
	if err := b.self.Write(seedScratch+16, code); err != nil {
		return err
	}
	var program [16]byte // struct sock_fprog
	binary.LittleEndian.PutUint16(program[:], uint16(len(filter)))
	binary.LittleEndian.PutUint64(program[8:], seedScratch+16)
	if err := b.self.Write(seedScratch, program[:]); err != nil {
		return err
	}
	fd, err := b.self.Call("seccomp", unix.SYS_SECCOMP, sys.SeccompSetModeFilter, filterFlags, seedScratch)
	if err != nil {
		return err
	}
	taken, err := sys.TakeDescriptor(b.self.PID, int(fd))
	if err != nil {
		return err
	}
	if b.listener, err = b.guest.listen(taken); err != nil {
		return err
	}
	if err := sys.NotificationSyncWakeUp(taken); err != nil {
		b.log.Debug("no hand-over of the processor with a call (Linux 6.6)", "error", err)
	}
	_, err = b.self.Call("close", unix.SYS_CLOSE, fd)
	return err
}
