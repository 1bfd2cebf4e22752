package sys

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ptrace(2) requests and events that x/sys/unix lacks for linux/amd64.
const (
	ptraceGetSiginfo      = 0x4202
	ptraceSetSiginfo      = 0x4203
	PtraceEventStop       = 128
	PtraceOSuspendSeccomp = 1 << 21
)

func ptrace(request, pid int, data uintptr) error {
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// ptraceAt is ptrace for a request whose data is memory. The pointer becomes a number only in the call itself:
// before, the stack that it may point into could still move.
func ptraceAt(request, pid int, data unsafe.Pointer) error {
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, uintptr(data), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// PtraceSeize attaches to a thread without stopping it (PTRACE_SEIZE) and sets the options. All further
// ptrace calls for it must come from the calling thread.
func PtraceSeize(pid, options int) error {
	if err := ptrace(unix.PTRACE_SEIZE, pid, uintptr(options)); err != nil {
		return fmt.Errorf("ptrace seize %d: %w", pid, err)
	}
	return nil
}

// PtraceInterrupt makes a seized thread stop (PTRACE_INTERRUPT).
func PtraceInterrupt(pid int) error {
	if err := ptrace(unix.PTRACE_INTERRUPT, pid, 0); err != nil {
		return fmt.Errorf("ptrace interrupt %d: %w", pid, err)
	}
	return nil
}

// PtraceListen leaves a thread in its group-stop but lets it report a SIGCONT (PTRACE_LISTEN).
func PtraceListen(pid int) error {
	if err := ptrace(unix.PTRACE_LISTEN, pid, 0); err != nil {
		return fmt.Errorf("ptrace listen %d: %w", pid, err)
	}
	return nil
}

// PtraceSetOptions sets PTRACE_O_* of a stopped thread.
func PtraceSetOptions(pid, options int) error {
	if err := ptrace(unix.PTRACE_SETOPTIONS, pid, uintptr(options)); err != nil {
		return fmt.Errorf("ptrace options of %d: %w", pid, err)
	}
	return nil
}

// PtraceCont lets a stopped thread run on, with signal sig delivered unless it is 0.
func PtraceCont(pid int, sig unix.Signal) error {
	if err := ptrace(unix.PTRACE_CONT, pid, uintptr(sig)); err != nil {
		return fmt.Errorf("ptrace cont %d: %w", pid, err)
	}
	return nil
}

// PtraceSyscall lets a stopped thread run to the next entry to or exit from a system call.
func PtraceSyscall(pid int, sig unix.Signal) error {
	if err := ptrace(unix.PTRACE_SYSCALL, pid, uintptr(sig)); err != nil {
		return fmt.Errorf("ptrace syscall %d: %w", pid, err)
	}
	return nil
}

// PtraceGetRegs reads the general registers of a stopped thread.
func PtraceGetRegs(pid int, regs *unix.PtraceRegs) error {
	if err := ptraceAt(unix.PTRACE_GETREGS, pid, unsafe.Pointer(regs)); err != nil {
		return fmt.Errorf("ptrace getregs %d: %w", pid, err)
	}
	return nil
}

// PtraceSetRegs writes the general registers of a stopped thread.
func PtraceSetRegs(pid int, regs *unix.PtraceRegs) error {
	if err := ptraceAt(unix.PTRACE_SETREGS, pid, unsafe.Pointer(regs)); err != nil {
		return fmt.Errorf("ptrace setregs %d: %w", pid, err)
	}
	return nil
}

// Siginfo is siginfo_t as the kernel lays it out: signal, errno, code as i32 each, padding, then what the
// signal has to say (for a fault: its address, u64 at offset 16).
type Siginfo [128]byte

// Signal returns si_signo.
func (s *Siginfo) Signal() unix.Signal { return unix.Signal(*(*int32)(unsafe.Pointer(&s[0]))) }

// Code returns si_code.
func (s *Siginfo) Code() int32 { return *(*int32)(unsafe.Pointer(&s[8])) }

// FaultAddress returns si_addr, which is meant for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP.
func (s *Siginfo) FaultAddress() uint64 { return *(*uint64)(unsafe.Pointer(&s[16])) }

// PtraceGetSiginfo reads what is known of the signal that a thread is stopped by.
func PtraceGetSiginfo(pid int, info *Siginfo) error {
	if err := ptraceAt(ptraceGetSiginfo, pid, unsafe.Pointer(info)); err != nil {
		return fmt.Errorf("ptrace getsiginfo %d: %w", pid, err)
	}
	return nil
}

// PtraceSetSiginfo changes what is told of the signal that a thread is stopped by.
func PtraceSetSiginfo(pid int, info *Siginfo) error {
	if err := ptraceAt(ptraceSetSiginfo, pid, unsafe.Pointer(info)); err != nil {
		return fmt.Errorf("ptrace setsiginfo %d: %w", pid, err)
	}
	return nil
}

// PtraceGetEventMsg reads what a ptrace event has to say (the new pid of a clone, the old tid of an exec).
func PtraceGetEventMsg(pid int) (uint64, error) {
	var msg uint64
	if err := ptraceAt(unix.PTRACE_GETEVENTMSG, pid, unsafe.Pointer(&msg)); err != nil {
		return 0, fmt.Errorf("ptrace geteventmsg %d: %w", pid, err)
	}
	return msg, nil
}
