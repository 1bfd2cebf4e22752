package body

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/syscalls"
	"deputy/deputynode/tracee"
	"deputy/internal/sys"
	"deputy/wireproto"
)

// stopped handles a change of the body's process.
func (b *Body) stopped(now time.Duration, pid int, status unix.WaitStatus) {
	switch {
	case !status.Stopped():
		delete(b.guest.tracees, pid)
		b.died(now, pid, status)
	case b.state == over:
	default:
		if err := b.handleStop(now, pid, status); err != nil && !errors.Is(err, unix.ESRCH) {
			b.fail(now, err) // ESRCH: killed meanwhile, its end is told next
		}
	}
}

func (b *Body) handleStop(now time.Duration, pid int, status unix.WaitStatus) error {
	event := tracee.Event(status)
	switch {
	case pid == b.self.PID && event == unix.PTRACE_EVENT_SECCOMP:
		return b.traced(now)
	case pid == b.self.PID && event == 0 && status.StopSignal() != unix.SIGTRAP|0x80:
		return b.signalled(now, status.StopSignal())
	}
	return sys.PtraceCont(pid, 0)
}

// died handles the end of the process that did not come from home.
func (b *Body) died(now time.Duration, pid int, status unix.WaitStatus) {
	if pid != b.self.PID {
		return
	}
	b.self.PID = 0
	if b.state == over || b.exiting || b.group.ended {
		return // where another thread was told of the end first, this one will be, or home goes on with what it executes
	}
	if !status.Signaled() {
		status = unix.WaitStatus(unix.SIGKILL)
	}
	b.log.Warn("body died", "signal", status.Signal())
	b.send(now, wireproto.AppendExited(b.message[:0], b.tx.seq, uint32(status)))
	b.ch.Close(now)
	b.finish()
}

// traced handles a call in which the body itself has to be changed: it is stopped before the call is made.
func (b *Body) traced(now time.Duration) error {
	b.trap = trap{waiting: true, traced: true}
	t := &b.trap
	if err := sys.PtraceGetRegs(b.self.PID, &t.regs); err != nil {
		return err
	}
	r := &t.regs
	b.self.Syscall = r.Rip - 2 // the instruction that it is stopped in
	t.call, t.args = uint32(r.Orig_rax), [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}
	t.then = b.skip
	if row := syscalls.Lookup(t.call); row != nil && row.Refused(t.args) != 0 {
		t.ret = -int64(row.Refused(t.args))
		return b.skip(now)
	}
	switch t.call {
	case unix.SYS_SET_TID_ADDRESS:
		t.waiting = false
		return sys.PtraceCont(b.self.PID, 0) // the thread id here is that of home
	case unix.SYS_RT_SIGACTION:
		t.then = b.both
	case unix.SYS_MMAP:
		return b.mapFile(now)
	case unix.SYS_EXIT:
		t.then = b.exitThread
	case unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_CLONE:
		if errno := refusedClone(t.call, t.args[0]); errno != 0 {
			t.ret = -int64(errno)
			return b.skip(now)
		}
		t.then = b.forked
	}
	b.forward(now)
	return nil
}

// skip ends a traced call without making it: it returned at home.
func (b *Body) skip(time.Duration) error {
	for _, w := range b.trap.written {
		if b.self.Write(w.address, w.data) != nil {
			b.trap.ret = -int64(unix.EFAULT)
		}
	}
	r := b.trap.regs
	r.Orig_rax, r.Rax = ^uint64(0), uint64(b.trap.ret)
	return b.resume(&r)
}

// resume lets the body run on after a traced call.
func (b *Body) resume(r *unix.PtraceRegs) error {
	b.trap.waiting = false
	if err := sys.PtraceSetRegs(b.self.PID, r); err != nil {
		return err
	}
	return sys.PtraceCont(b.self.PID, 0)
}

// both makes a call here too that has succeeded at home. What home wrote is what the program sees.
func (b *Body) both(now time.Duration) error {
	if b.trap.ret < 0 {
		return b.skip(now)
	}
	if err := b.self.ToSystemCall(); err != nil {
		return err
	}
	for _, w := range b.trap.written {
		_ = b.self.Write(w.address, w.data) // this node's kernel has just written there
	}
	b.trap.waiting = false
	return sys.PtraceCont(b.self.PID, 0)
}

// mapFile makes a mapping of a file: anonymous memory here, filled with the file's pages from home. Where the
// program leaves the address to the kernel, that is this node's, so the memory comes first.
//
//	choose an address -> request -> memory, if not there yet -> page-in -> protection -> home drops its mapping
func (b *Body) mapFile(now time.Duration) error {
	t := &b.trap
	t.then = b.mapped
	if t.args[3]&(unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE) == 0 {
		address, err := b.mapAnonymous()
		if err != nil {
			return err
		}
		if address < 0 {
			t.ret = address
			return b.finishCall()
		}
		t.args[0] = uint64(address)
	}
	b.forward(now)
	return nil
}

// mapAnonymous lets the body make the call with anonymous memory in place of the file, and stops it where the
// call returns.
func (b *Body) mapAnonymous() (int64, error) {
	const kept = unix.MAP_FIXED | unix.MAP_FIXED_NOREPLACE | unix.MAP_32BIT | unix.MAP_NORESERVE
	r := b.trap.regs
	r.Rdx = unix.PROT_READ | unix.PROT_WRITE
	r.R10 = r.R10&kept | unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	r.R8, r.R9 = ^uint64(0), 0
	if err := sys.PtraceSetRegs(b.self.PID, &r); err != nil {
		return 0, err
	}
	if err := b.self.ToSystemCall(); err != nil {
		return 0, err
	}
	if err := sys.PtraceGetRegs(b.self.PID, &r); err != nil {
		return 0, err
	}
	return int64(r.Rax), nil
}

// mapped is told what mmap returned at home.
func (b *Body) mapped(now time.Duration) error {
	t := &b.trap
	fixed := t.args[3]&(unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE) != 0
	switch {
	case t.ret < 0 && fixed:
		return b.skip(now)
	case t.ret < 0:
		if _, err := b.self.Call("munmap", unix.SYS_MUNMAP, t.args[0], t.args[1]); err != nil {
			return err
		}
		return b.finishCall()
	case fixed:
		address, err := b.mapAnonymous()
		if err != nil {
			return err
		}
		if t.ret = address; address < 0 {
			return b.dropAtHome(now)
		}
	}
	b.load.pager.want(t.args[0], roundUp(t.args[1]))
	b.load.pager.then = func(now time.Duration) {
		if err := b.filled(now); err != nil && !errors.Is(err, unix.ESRCH) {
			b.fail(now, fmt.Errorf("map a file: %w", err))
		}
	}
	b.ask(now)
	return nil
}

// filled is told that all pages have come.
func (b *Body) filled(now time.Duration) error {
	t := &b.trap
	if protection := t.args[2]; protection != unix.PROT_READ|unix.PROT_WRITE {
		if _, err := b.self.Call("mprotect", unix.SYS_MPROTECT, t.args[0], t.args[1], protection); err != nil {
			return err
		}
	}
	t.ret = int64(t.args[0])
	return b.dropAtHome(now)
}

// dropAtHome has the deputy end its mapping, which has served.
func (b *Body) dropAtHome(now time.Duration) error {
	ret := b.trap.ret
	b.trap.call, b.trap.args = unix.SYS_MUNMAP, [6]uint64{b.trap.args[0], b.trap.args[1]}
	b.trap.then = func(time.Duration) error {
		b.trap.ret = ret
		return b.finishCall()
	}
	b.forward(now)
	return nil
}

// finishCall lets the body return from a call in which it is stopped with what it returned at home.
func (b *Body) finishCall() error {
	r := b.trap.regs
	r.Orig_rax, r.Rax = ^uint64(0), uint64(b.trap.ret)
	return b.resume(&r)
}

func roundUp(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }
