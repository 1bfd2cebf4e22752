package deputy

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/channel"
	"deputy/deputynode/stub"
)

// process is what the threads of a split process share at home. Each thread has a deputy with a stub and a channel of its
// own, so that a call that blocks holds no other up.
type process struct {
	leader  *Deputy
	threads map[int]*Deputy // by thread id
	slots   [stub.MaxThreads]bool
	files   files
	actions [highestSignal + 1][sigactionSize]byte // what the program set, where that is a handler
	window  window
	count   Counts
	traffic channel.Stats // of threads that have ended
	gone    bool          // execve has put another in its place
}

// newProcess makes the process of its only thread.
func newProcess(leader *Deputy) *process {
	p := &process{leader: leader, threads: map[int]*Deputy{leader.tracee.PID: leader}, window: window{fd: -1}}
	p.slots[0] = true
	leader.process = p
	return p
}

var errThreads = errors.New("too many threads")

// join takes in another thread, and returns the slot for its memory.
func (p *process) join(d *Deputy) (slot int, err error) {
	for slot = range p.slots {
		if !p.slots[slot] {
			p.slots[slot] = true
			p.threads[d.tracee.PID] = d
			d.process, d.slot = p, slot
			return slot, nil
		}
	}
	return 0, errThreads
}

// leave lets a thread go. It reports whether that was the last one.
func (p *process) leave(d *Deputy) bool {
	delete(p.threads, d.tracee.PID)
	p.slots[d.slot] = false
	p.traffic.Add(d.ch.Stats())
	if len(p.threads) > 0 {
		return false
	}
	if p.window.fd >= 0 {
		d.home.loop.Unwatch(p.window.fd)
		p.window.close()
	}
	return true
}

// pid is that of the process.
func (d *Deputy) pid() int {
	if d.process == nil {
		return d.tracee.PID
	}
	return d.process.leader.tracee.PID
}

// replaced handles the execve of a thread that is not the leader: it goes on with the leader's id, and no end of the leader
// is told (ptrace(2), "execve(2) under ptrace").
func (h *Home) replaced(now time.Duration, leader, thread *Deputy) {
	pid := leader.tracee.PID
	leader.exited(now, 0)
	delete(h.deputies, thread.tracee.PID)
	delete(thread.process.threads, thread.tracee.PID)
	thread.tracee.PID = pid
	thread.options.PID = pid
	h.deputies[pid] = thread
	thread.process.threads[pid] = thread
}

// threadFlags are those of clone(2) for a thread at home.
const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM
