package body

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/tracee"
	"deputy/internal/sys"
)

// A body forks by its own call, so that its kernel copies or shares the memory as the call demands (thesis 4.4.1):
//
//  1. the call stops the body and is sent as a request
//  2. the deputy forks, and its child asks for a body beside the parent's (Create): the parent makes the call, with two
//     changes: the child is the init's, and gets the pid of home
//  3. the child waits in its first stop for the end of the transaction on its own channel, the parent within the call
//     for the end of its transaction

// Flags of clone(2) that the body's own call does not have: what they are about is at home.
const notHere = unix.CLONE_FILES | unix.CLONE_FS | unix.CLONE_SYSVSEM | unix.CLONE_IO | unix.CLONE_PTRACE | unix.CLONE_UNTRACED

// refusedClone returns why a call cannot be made, or 0.
func refusedClone(call uint32, flags uint64) unix.Errno {
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	switch {
	case call != unix.SYS_CLONE:
		return 0
	case flags&unix.CLONE_SIGHAND != 0 && flags&unix.CLONE_THREAD == 0: // handlers shared by two processes
		return unix.EINVAL
	case flags&namespaces != 0:
		return unix.EPERM
	case flags&unix.CLONE_PIDFD != 0: // as before Linux 5.2
		return unix.EINVAL
	}
	return 0
}

var (
	errNoParent = errors.New("no body that forks has the pid of the parent")
	errOtherPID = errors.New("the pid of home is not free in the namespace of the parent")
)

// beChildOf has the parent, which waits in its call, fork this body.
func (b *Body) beChildOf(parentPID int) error {
	parent := b.guest.forking(b.home, parentPID)
	if parent == nil {
		return fmt.Errorf("%w: %w", errNoParent, unix.ESRCH)
	}
	if err := parent.space.nextPID(b.homePID); err != nil {
		return err
	}
	r := parent.trap.regs
	flags, stack := uint64(unix.SIGCHLD), uint64(0)
	switch parent.trap.call {
	case unix.SYS_CLONE:
		flags, stack = parent.trap.args[0]&^notHere, parent.trap.args[1]
	case unix.SYS_VFORK:
		flags |= unix.CLONE_VM | unix.CLONE_VFORK
	}
	if flags&unix.CLONE_THREAD == 0 {
		flags |= unix.CLONE_PARENT
	}
	r.Orig_rax, r.Rdi, r.Rsi = unix.SYS_CLONE, flags, stack
	if err := sys.PtraceSetRegs(parent.self.PID, &r); err != nil {
		return err
	}
	pid, err := parent.self.ToFork()
	if err != nil {
		return err
	}
	if pid == 0 {
		if err := sys.PtraceGetRegs(parent.self.PID, &r); err != nil {
			return err
		}
		parent.trap.returned = true
		return fmt.Errorf("clone: %w", unix.Errno(-int64(r.Rax)))
	}
	parent.trap.child = b
	b.self = process{tracee.Tracee{PID: pid}}
	b.group = parent.group
	if flags&unix.CLONE_THREAD == 0 {
		b.group = &group{homePID: b.homePID, pid: pid}
	}
	b.space, b.listener = parent.space, parent.listener
	b.space.bodies++
	b.listener.bodies++
	b.guest.tracees[pid] = b
	b.newborn, b.tx.open = true, true
	for _, p := range []int{pid, parent.self.PID} { // a call keeps its arguments, and vfork(3) relies on it
		if err := sys.PtraceGetRegs(p, &r); err != nil {
			return err
		}
		r.Rdi, r.Rsi = parent.trap.regs.Rdi, parent.trap.regs.Rsi
		if err := sys.PtraceSetRegs(p, &r); err != nil {
			return err
		}
	}
	if got, err := innerPID(pid); err != nil || got != b.homePID {
		return fmt.Errorf("%w: %d, not %d: %w", errOtherPID, got, b.homePID, unix.EAGAIN)
	}
	return nil
}

// forking finds a body that waits in a call that makes a child.
func (g *Guest) forking(home string, pid int) *Body {
	for b := range g.bodies {
		if b.home != home || b.homePID != pid || b.state != running || !b.trap.waiting || b.trap.child != nil || b.trap.returned {
			continue
		}
		switch b.trap.call {
		case unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_CLONE:
			return b
		}
	}
	return nil
}

// innerPID is the pid of a process in its own namespace (proc_pid_status(5), NSpid).
func innerPID(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("NSpid:")); ok {
			fields := bytes.Fields(rest)
			return strconv.Atoi(string(fields[len(fields)-1]))
		}
	}
	return 0, nil
}

// beginChild lets a child begin: its transaction has ended.
func (b *Body) beginChild() error {
	b.newborn = false
	if err := sys.PtraceCont(b.self.PID, 0); err != nil {
		b.log.Debug("begin of a child", "error", err) // killed meanwhile; its end is told next
	}
	return nil
}

// forked is told what the call returned at home: what it returns here, where there is a child.
func (b *Body) forked(now time.Duration) error {
	t := &b.trap
	child := t.child
	t.child = nil
	switch {
	case child == nil && t.returned, child == nil && t.ret < 0:
		return b.finishCall()
	case child == nil:
		return errUnexpected
	case t.ret < 0: // the child was lost at home
		child.finish()
		if err := b.self.ToSystemCall(); err != nil {
			return err
		}
		return b.finishCall()
	}
	t.waiting = false
	return sys.PtraceCont(b.self.PID, 0)
}
