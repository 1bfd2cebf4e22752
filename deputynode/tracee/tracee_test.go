package tracee

import (
	"errors"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"deputy/deputynode/image"
	"deputy/internal/sys"
)

// TestInject makes a sleeping process run calls and leaves it as it was.
func TestInject(t *testing.T) {
	runtime.LockOSThread() // the tracer is a thread; it ends with the test
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Tracee{PID: cmd.Process.Pid}
	if err := sys.PtraceSeize(p.PID, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		t.Fatal(err)
	}
	if err := sys.PtraceInterrupt(p.PID); err != nil {
		t.Fatal(err)
	}
	if status, err := p.Wait(); err != nil || Event(status) != sys.PtraceEventStop {
		t.Fatalf("stop %#x, %v", status, err)
	}
	mappings, err := image.Mappings(p.PID)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mappings {
		text := make([]byte, m.Len())
		if m.Path != "[vdso]" || p.Read(m.Start, text) != nil {
			continue
		}
		for i := range len(text) - 1 {
			if text[i] == 0x0f && text[i+1] == 0x05 {
				p.Syscall = m.Start + uint64(i)
			}
		}
	}
	if p.Syscall == 0 {
		t.Fatal("no syscall instruction in the vdso")
	}
	var before, after unix.PtraceRegs
	if err := sys.PtraceGetRegs(p.PID, &before); err != nil {
		t.Fatal(err)
	}
	if pid, err := p.Call("getpid", unix.SYS_GETPID); err != nil || int(pid) != p.PID {
		t.Errorf("getpid: %d, %v", pid, err)
	}
	if _, err := p.Call("close", unix.SYS_CLOSE, 999); !errors.Is(err, unix.EBADF) {
		t.Errorf("close(999): %v", err)
	}
	at, err := p.Call("mmap", unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
	if err != nil {
		t.Fatal(err)
	}
	read := make([]byte, 5)
	if err := errors.Join(p.Write(at+4091, []byte("hello")), p.Read(at+4091, read)); err != nil || string(read) != "hello" {
		t.Errorf("%q, %v", read, err)
	}
	if err := sys.PtraceGetRegs(p.PID, &after); err != nil {
		t.Fatal(err)
	}
	before.Orig_rax, after.Orig_rax = 0, 0
	if before != after {
		t.Errorf("registers changed:\n%+v\n%+v", before, after)
	}
	// A signal during an injection is held, not lost.
	if err := unix.Kill(p.PID, unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Call("getpid", unix.SYS_GETPID); err != nil {
		t.Fatal(err)
	}
	if held := p.Held(); len(held) != 1 || held[0] != unix.SIGUSR1 {
		t.Errorf("held: %v", held)
	}
	if err := unix.Kill(p.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var gone *Gone
	if _, err := p.Call("getpid", unix.SYS_GETPID); !errors.Is(err, unix.ESRCH) && !errors.As(err, &gone) {
		t.Errorf("of a killed process: %v", err)
	}
}
