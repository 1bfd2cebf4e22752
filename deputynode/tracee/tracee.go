// Package tracee drives a process that is stopped under ptrace(2): it waits for its stops and makes it run
// single system calls ("injection"). All calls for a tracee come from the thread that seized it.
package tracee

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

// Gone says that a tracee ended while it was worked on; Status is its wait status (wait(2)).
type Gone struct {
	PID    int
	Status unix.WaitStatus
}

func (g *Gone) Error() string {
	if g.Status.Signaled() {
		return fmt.Sprintf("process %d was killed: %v", g.PID, g.Status.Signal())
	}
	return fmt.Sprintf("process %d exited with status %d", g.PID, g.Status.ExitStatus())
}

// Tracee is one thread under ptrace.
type Tracee struct {
	PID int
	// Syscall is the address of a syscall instruction in executable memory of the process, by which Inject
	// works.
	Syscall uint64

	// OnEvent, if set, is told of the PTRACE_EVENT_* stops that injections pass over.
	OnEvent func(event int)

	held []unix.Signal // signals that came during an injection, oldest first
}

// systemCallStop is how PTRACE_O_TRACESYSGOOD marks the stop signal of a system-call stop.
const systemCallStop = unix.SIGTRAP | 0x80

// Event returns the PTRACE_EVENT_* of a stop, 0 if it is none. (unix.WaitStatus.TrapCause knows only
// stops by SIGTRAP; a group-stop of a seized thread carries its own signal.)
func Event(status unix.WaitStatus) int { return int(status>>16) & 0xff }

// Wait waits until the thread stops.
func (t *Tracee) Wait() (unix.WaitStatus, error) {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(t.PID, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait for process %d: %w", t.PID, err)
		case !status.Stopped():
			return status, &Gone{t.PID, status}
		}
		return status, nil
	}
}

// next lets the stopped thread run by request until a stop that want accepts. Signals that arrive
// meanwhile are held (see Held); other stops are passed over.
func (t *Tracee) next(request func(pid int, sig unix.Signal) error, want func(unix.WaitStatus) bool) error {
	for {
		if err := request(t.PID, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		} // ESRCH: it was killed in its stop, which Wait tells
		status, err := t.Wait()
		if err != nil {
			return err
		}
		if want(status) {
			return nil
		}
		switch event := Event(status); {
		case event != 0 && t.OnEvent != nil:
			t.OnEvent(event)
		case event == 0 && status.StopSignal() != systemCallStop:
			t.held = append(t.held, status.StopSignal())
		}
	}
}

func isSystemCallStop(status unix.WaitStatus) bool { return status.StopSignal() == systemCallStop }

// ToSystemCall lets the thread run to its next system-call stop (entry or exit).
func (t *Tracee) ToSystemCall() error { return t.next(sys.PtraceSyscall, isSystemCallStop) }

// ToEvent lets the thread run to a given PTRACE_EVENT_* stop.
func (t *Tracee) ToEvent(event int) error {
	return t.next(sys.PtraceCont, func(s unix.WaitStatus) bool { return Event(s) == event })
}

// Stop makes the running thread stop. Signals that arrive meanwhile are held.
func (t *Tracee) Stop() error {
	if err := sys.PtraceInterrupt(t.PID); err != nil {
		return err
	}
	for {
		status, err := t.Wait()
		if err != nil {
			return err
		}
		event := Event(status)
		if event == sys.PtraceEventStop {
			return nil
		}
		if event == 0 && status.StopSignal() != systemCallStop {
			t.held = append(t.held, status.StopSignal())
		}
		if err := sys.PtraceCont(t.PID, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
}

// ForkOptions are those of ptrace by which children are traced from their birth, in a stop.
const ForkOptions = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE

// isFork reports whether a stop tells of a child.
func isFork(status unix.WaitStatus) bool {
	switch Event(status) {
	case unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK, unix.PTRACE_EVENT_CLONE:
		return true
	}
	return false
}

// ToFork lets the thread, stopped before a call that makes a child, run until the child is there, and returns its
// pid and waits for its first stop; the thread is stopped within the call then. It returns 0 if the call made none:
// the thread is stopped where it returns.
func (t *Tracee) ToFork() (child int, err error) {
	forked := false
	err = t.next(sys.PtraceSyscall, func(status unix.WaitStatus) bool {
		forked = isFork(status)
		return forked || isSystemCallStop(status)
	})
	if err != nil || !forked {
		return 0, err
	}
	pid, err := sys.PtraceGetEventMsg(t.PID)
	if err != nil {
		return 0, err
	}
	_, err = (&Tracee{PID: int(pid)}).Wait()
	return int(pid), err
}

// Held returns the signals that arrived during injections, oldest first, and forgets them. Whoever lets
// the process run again sends them to it anew.
func (t *Tracee) Held() []unix.Signal {
	held := t.held
	t.held = nil
	return held
}

// Inject makes the stopped thread run one system call and returns what the kernel returned: a value, or
// -errno. The registers are as before afterwards. The call must not block for long.
func (t *Tracee) Inject(call uintptr, args ...uint64) (int64, error) {
	var saved unix.PtraceRegs
	if err := sys.PtraceGetRegs(t.PID, &saved); err != nil {
		return 0, err
	}
	regs := saved
	regs.Rip = t.Syscall
	regs.Rax = uint64(call)
	regs.Orig_rax = ^uint64(0) // no restart of a call that was interrupted before
	for i, arg := range args {
		*[]*uint64{&regs.Rdi, &regs.Rsi, &regs.Rdx, &regs.R10, &regs.R8, &regs.R9}[i] = arg
	}
	if err := sys.PtraceSetRegs(t.PID, &regs); err != nil {
		return 0, err
	}
	for range 2 { // entry, exit
		if err := t.ToSystemCall(); err != nil {
			return 0, err
		}
	}
	if err := sys.PtraceGetRegs(t.PID, &regs); err != nil {
		return 0, err
	}
	saved.Orig_rax = ^uint64(0)
	if err := sys.PtraceSetRegs(t.PID, &saved); err != nil {
		return 0, err
	}
	return int64(regs.Rax), nil
}

// Call is Inject for a call that must succeed: -errno becomes an error that names it.
func (t *Tracee) Call(name string, call uintptr, args ...uint64) (uint64, error) {
	value, err := t.Inject(call, args...)
	if err != nil {
		return 0, fmt.Errorf("%s in process %d: %w", name, t.PID, err)
	}
	if value < 0 && value > -4096 {
		return 0, fmt.Errorf("%s in process %d: %w", name, t.PID, unix.Errno(-value))
	}
	return uint64(value), nil
}

// Read reads all of p from the memory of the process.
func (t *Tracee) Read(address uint64, p []byte) error {
	n, err := sys.ProcessRead(t.PID, address, p)
	if err == nil && n < len(p) {
		err = unix.EFAULT
	}
	if err != nil {
		return fmt.Errorf("read %d bytes at %#x of process %d: %w", len(p), address, t.PID, err)
	}
	return nil
}

// Write writes all of p into the memory of the process.
func (t *Tracee) Write(address uint64, p []byte) error {
	n, err := sys.ProcessWrite(t.PID, address, p)
	if err == nil && n < len(p) {
		err = unix.EFAULT
	}
	if err != nil {
		return fmt.Errorf("write %d bytes at %#x of process %d: %w", len(p), address, t.PID, err)
	}
	return nil
}
