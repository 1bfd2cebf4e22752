package body

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/tracee"
	"deputy/internal/sys"
)

// group is what the threads of a body share.
type group struct {
	homePID int  // of the process
	pid     int  // of the process here
	ended   bool // home has told a thread that all of them are over
}

// leads reports whether it is the first thread of its body, or will be.
func (b *Body) leads() bool { return b.group == nil || b.group.homePID == b.homePID }

// exitThread lets a thread make its own exit: its kernel tells those who wait for it (set_tid_address(2)).
func (b *Body) exitThread(time.Duration) error {
	b.trap.waiting = false
	b.exiting = true
	return sys.PtraceCont(b.self.PID, 0)
}

// endGroup ends all threads of the body and waits for them, the first one last: its end is told when no other is left.
func (b *Body) endGroup() error {
	var leader *Body
	for pid, t := range b.guest.tracees {
		if t.group != b.group {
			continue
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("end the old image: %w", err)
		}
		if pid == b.group.pid {
			leader = t
		} else if err := t.awaitEnd(); err != nil {
			return err
		}
	}
	if leader == nil {
		return nil
	}
	return leader.awaitEnd()
}

// awaitEnd waits for the end of a thread that was killed.
func (b *Body) awaitEnd() error {
	delete(b.guest.tracees, b.self.PID)
	var gone *tracee.Gone
	for gone == nil {
		if _, err := b.self.Wait(); err != nil && !errors.As(err, &gone) {
			return err
		}
	}
	b.self.PID = 0
	return nil
}
