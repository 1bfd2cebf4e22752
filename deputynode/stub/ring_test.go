package stub

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"deputy/deputynode/tracee"
	"deputy/internal/sys"
)

// TestRing stops the stub at each instruction after a call, has the agent give the next one and stop looking there, and
// expects the bell for it: whatever the stub still does for the former call must not hide that the agent waits.
func TestRing(t *testing.T) {
	memory, err := New(1<<30, 0) // it spins, so that each step returns
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	bell, err := NewDoorbell()
	if err != nil {
		t.Fatal(err)
	}
	s := startStub(t, memory, bell)
	for delay := range 30 {
		memory.Start(unix.SYS_GETPPID, [6]uint64{})
		memory.Park()
		s.step(t, 200, memory.Done)
		s.step(t, delay, func() bool { return false })

		memory.Start(unix.SYS_GETPPID, [6]uint64{})
		if !memory.Park() {
			t.Fatal("the call returned before it was made")
		}
		if !s.step(t, 200, memory.Done) || memory.Result() != int64(os.Getpid()) {
			t.Fatalf("%d instructions after a call: the next one returned %d", delay, memory.Result())
		}
		seen := bell.Count()
		if !s.step(t, 200, func() bool { return bell.Count() != seen }) {
			t.Errorf("%d instructions after a call: no bell for the next one", delay)
		}
	}
}

// stubProcess is a process that runs the stub, an instruction at a time.
type stubProcess int

// startStub puts the stub in place of a program, which it stops before its first instruction.
func startStub(t *testing.T, memory *Memory, bell *Doorbell) stubProcess {
	t.Helper()
	runtime.LockOSThread() // the tracer is a thread; it ends with the test
	cmd := exec.Command("/proc/self/exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	for _, fd := range []int{memory.FD(), bell.FD()} {
		fd, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(fd), "shared")
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file) // 3 and 4
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := tracee.Tracee{PID: pid}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := sys.PtraceSetOptions(pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		t.Fatal(err)
	}
	var regs unix.PtraceRegs
	if err := sys.PtraceGetRegs(pid, &regs); err != nil {
		t.Fatal(err)
	}
	p.Syscall = regs.Rip
	if _, err := unix.PtracePokeText(pid, uintptr(regs.Rip), instruction); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct{ address, size, fd uint64 }{{Base, Size, 3}, {Bell, pageSize, 4}} {
		if _, err := p.Call("mmap", unix.SYS_MMAP, m.address, m.size, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC,
			unix.MAP_SHARED|unix.MAP_FIXED_NOREPLACE, m.fd, 0); err != nil {
			t.Fatal(err)
		}
	}
	regs.Rip, regs.R12, regs.R13, regs.Orig_rax = Code, Base, Bell, ^uint64(0)
	if err := sys.PtraceSetRegs(pid, &regs); err != nil {
		t.Fatal(err)
	}
	return stubProcess(pid)
}

// step makes the stub run until something has happened, for no more than limit instructions, and reports whether it has.
func (s stubProcess) step(t *testing.T, limit int, happened func() bool) bool {
	t.Helper()
	for range limit {
		if err := unix.PtraceSingleStep(int(s)); err != nil {
			t.Fatal(err)
		}
		if _, err := (&tracee.Tracee{PID: int(s)}).Wait(); err != nil {
			t.Fatal(err)
		}
		if happened() {
			return true
		}
	}
	return false
}
