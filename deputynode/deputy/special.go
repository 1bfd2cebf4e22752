package deputy

import (
	"time"

	"golang.org/x/sys/unix"

	"deputy/wireproto"
)

// specials are the calls that the deputy treats in its own way, by number.
var specials map[uint32]func(*Deputy, time.Duration)

func init() {
	specials = map[uint32]func(*Deputy, time.Duration){
		unix.SYS_MMAP:         (*Deputy).mapFile,
		unix.SYS_MUNMAP:       (*Deputy).unmapFile,
		unix.SYS_RT_SIGACTION: (*Deputy).sigaction,
		unix.SYS_FORK:         (*Deputy).fork,
		unix.SYS_VFORK:        (*Deputy).fork,
		unix.SYS_CLONE:        (*Deputy).fork,
		unix.SYS_EXECVE:       (*Deputy).exec,
		unix.SYS_EXECVEAT:     (*Deputy).exec,
		unix.SYS_EXIT:         (*Deputy).exitThread,
		unix.SYS_EXIT_GROUP:   (*Deputy).exit,
	}
}

// mapFile serves mmap(2) of a file. The body has the address already; the deputy maps the file elsewhere,
// so that the kernel at home checks the call, and reads its pages from there when the body asks.
func (d *Deputy) mapFile(now time.Duration) {
	tx := &d.tx
	start, length, protection, flags := tx.args[0], tx.args[1], tx.args[2], tx.args[3]
	if flags&unix.MAP_TYPE == unix.MAP_SHARED && protection&unix.PROT_WRITE != 0 {
		d.result(now, -int64(unix.ENODEV)) // changes would not reach the file yet
		return
	}
	args := tx.args
	args[0] = d.process.files.reserve(length)
	args[2] |= unix.PROT_READ // for the page-in
	args[3] = flags&(unix.MAP_TYPE|unix.MAP_NORESERVE) | unix.MAP_FIXED_NOREPLACE
	d.start(now, unix.SYS_MMAP, args, func(now time.Duration, ret int64) {
		if ret >= 0 || ret < -maxErrno {
			size := (length + pageSize - 1) &^ (pageSize - 1)
			d.process.files.add(start, size, args[0])
			ret = int64(start)
			if v, ok := d.fileVersion(args[0], args[0]+size); ok {
				d.send(now, wireproto.AppendFileVersion(d.message[:0], wireproto.FileVersion{Sequence: d.tx.seq, Address: start,
					Offset: args[5], Version: v}))
			}
		}
		d.result(now, ret)
	})
}

// unmapFile ends a mapping whose pages the body has all got.
func (d *Deputy) unmapFile(now time.Duration) {
	at, length := d.process.files.drop(d.tx.args[0])
	if length == 0 {
		d.result(now, -int64(unix.EINVAL))
		return
	}
	d.start(now, unix.SYS_MUNMAP, [6]uint64{at, length}, d.result)
}

// exec serves execve(2): the kernel at home resolves scripts, interpreters and rights. Where it succeeds the
// deputy is told by its tracer (executed), and the transaction ends with the new program.
func (d *Deputy) exec(now time.Duration) {
	if d.prepare(now) {
		d.start(now, uint64(d.tx.call), d.tx.prepared.Args(), d.result)
	}
}

// exitThread ends the thread. Its body ends by itself, as its kernel has things to do at the end of a thread, once the
// transaction has ended.
func (d *Deputy) exitThread(now time.Duration) {
	args := d.tx.args
	d.result(now, 0)
	d.start(now, unix.SYS_EXIT, args, func(time.Duration, int64) {})
}

// exit ends the process; the transaction ends with it (exited).
func (d *Deputy) exit(now time.Duration) {
	d.start(now, unix.SYS_EXIT_GROUP, d.tx.args, d.result)
}

// endBySignal ends the process as a signal would that it neither handles nor blocks, so that whoever waits
// for it sees that.
func (d *Deputy) endBySignal(now time.Duration, sig unix.Signal) {
	if sig == unix.SIGKILL || d.tx.open {
		_ = unix.Kill(d.tracee.PID, unix.SIGKILL)
		return
	}
	staging := d.memory.Staging()
	clear(staging[:sigactionSize]) // SIG_DFL
	mask := staging[sigactionSize:][:8]
	clear(mask)
	mask[(sig-1)/8] = 1 << ((sig - 1) % 8)
	pid, tid := uint64(d.pid()), uint64(d.tracee.PID)
	d.chain(now, []plainCall{
		{unix.SYS_RT_SIGACTION, [6]uint64{uint64(sig), d.staged(0), 0, 8}},
		{unix.SYS_RT_SIGPROCMASK, [6]uint64{unix.SIG_UNBLOCK, d.staged(sigactionSize), 0, 8}},
		{unix.SYS_TGKILL, [6]uint64{pid, tid, uint64(sig)}},
	}, func(time.Duration) { _ = unix.Kill(d.tracee.PID, unix.SIGKILL) })
}
