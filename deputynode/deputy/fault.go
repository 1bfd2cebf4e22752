package deputy

import (
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
	"deputy/wireproto"
)

// faults is the loop's event that the kernel at home waits for pages of the memory window.
func (p *process) faults(now time.Duration) {
	for _, f := range p.window.faults() {
		d := p.threads[f.thread]
		if d == nil { // the process has a PID namespace of its own
			d = p.leader
		}
		if !d.tx.open { // nobody's call: a reader of /proc/PID/mem, or one of the kernel's own accesses
			if err := p.window.fill(f.page, nil, d.fetched); err != nil {
				d.kill(err.Error())
			}
			continue
		}
		p.window.asked[f.page] = d
		d.send(now, wireproto.AppendCopyinRequest(d.message[:0], d.tx.seq, f.page, pageSize, 0))
	}
}

// closeWindow sends back what the call changed and empties the window for the next one.
func (d *Deputy) closeWindow(now time.Duration) {
	changes, err := d.fetched.changes(d.tracee.PID)
	if err != nil {
		d.kill("read the memory window: " + err.Error())
		return
	}
	var calls []plainCall
	for _, run := range d.fetched.runs() {
		calls = append(calls, plainCall{unix.SYS_MADVISE, [6]uint64{run[0], run[1], unix.MADV_DONTNEED}})
	}
	d.chain(now, calls, func(now time.Duration) { d.deliver(now, changes) })
}

// maxPagein is the longest page-in, in bytes.
const maxPagein = 4 << 20

// readPages answers a page-in from the mapping that the deputy holds; what lies behind the end of the file,
// or in no mapping, is a fault.
func (d *Deputy) readPages(r wireproto.PageinRequest) []byte {
	at, length := d.process.files.find(r.Address)
	data := make([]byte, min(uint64(r.Count), length))
	n, err := sys.ProcessRead(d.tracee.PID, at, data)
	if err != nil {
		n = 0
	}
	var flags wireproto.Flags
	if n < int(r.Count) {
		flags = wireproto.FlagFault
	}
	return wireproto.AppendPageinReply(d.message[:0], r.Sequence, r.Address, flags, data[:n])
}
