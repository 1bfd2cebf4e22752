package body

import (
	"fmt"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

// space is a PID namespace in which a body and those that it forks have the pids of home. Its init does nothing but be
// the parent of them all.
type space struct {
	guest  *Guest
	init   process
	bodies int
	lastFD uint64 // descriptor of the init for ns_last_pid; 0: not opened yet
}

// namespaces of a space. With their filter bodies reach nothing of them; they are the second wall.
const namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// newSpace starts the init of a new PID namespace, for one body.
func (g *Guest) newSpace() (*space, error) {
	fd, err := unix.MemfdCreate("deputy-body", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, seedELF()); err != nil {
		return nil, fmt.Errorf("write the seed: %w", err)
	}
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", fd), []string{"deputy-init"}, &syscall.ProcAttr{
		Env: []string{},
		Sys: &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true, Pdeathsig: unix.SIGKILL},
	})
	if err != nil {
		return nil, fmt.Errorf("start the init of a body: %w", err)
	}
	s := &space{guest: g, bodies: 1}
	s.init.PID, s.init.Syscall = pid, seedSyscall
	g.spaces[pid] = s
	err = sys.PtraceSeize(pid, initOptions)
	if err == nil {
		// Who ignores SIGCHLD need not wait: a pid is free again when its process has ended (wait(2), NOTES).
		err = s.with(func() error {
			if err := s.init.Write(seedScratch, []byte{1}); err != nil { // SIG_IGN, no flags, no mask
				return err
			}
			_, err := s.init.Call("rt_sigaction", unix.SYS_RT_SIGACTION, uint64(unix.SIGCHLD), seedScratch, 0, 8)
			return err
		})
	}
	if err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// with stops the init, does something with it, and lets it wait on.
func (s *space) with(f func() error) error {
	if err := s.init.Stop(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return sys.PtraceCont(s.init.PID, 0)
}

// nextPID makes the kernel give the next process of the namespace a pid, if that is free.
func (s *space) nextPID(pid int) error {
	return s.with(func() error {
		if s.lastFD == 0 {
			if err := s.init.Write(seedScratch, []byte("/proc/sys/kernel/ns_last_pid\x00")); err != nil {
				return err
			}
			fd, err := s.init.Call("open ns_last_pid", unix.SYS_OPEN, seedScratch, unix.O_WRONLY)
			if err != nil {
				return err
			}
			s.lastFD = fd
		}
		text := strconv.Itoa(pid - 1)
		if err := s.init.Write(seedScratch, []byte(text)); err != nil {
			return err
		}
		_, err := s.init.Call("write ns_last_pid", unix.SYS_PWRITE64, s.lastFD, seedScratch, uint64(len(text)), 0)
		return err
	})
}

// stopped handles a change of the init.
func (s *space) stopped(status unix.WaitStatus) {
	if !status.Stopped() {
		delete(s.guest.spaces, s.init.PID) // its bodies go with it, which is told of each
		return
	}
	_ = sys.PtraceCont(s.init.PID, 0)
}

// release ends the namespace with its last body.
func (s *space) release() {
	if s == nil {
		return
	}
	if s.bodies--; s.bodies == 0 {
		_ = unix.Kill(s.init.PID, unix.SIGKILL)
	}
}
