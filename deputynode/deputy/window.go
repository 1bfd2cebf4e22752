package deputy

import (
	"bytes"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

// window is the deputy's memory window: where the home kernel touches a user pointer that no row of the
// call table describes, the access faults here, and the page comes from the body (copyin). What the call
// changed in the pages goes back afterwards (copyout), and the window is emptied.
type window struct {
	fd    int                // userfaultfd of the process; -1 without a window
	asked map[uint64]*Deputy // pages that are on their way, and whose call needs them
}

// fetched is what was fetched during a call, by page address; nil: the body has nothing there.
type fetched map[uint64][]byte

// windowFault is a page that a thread waits for.
type windowFault struct {
	page   uint64
	thread int
}

func (w *window) open(fd int) {
	w.close()
	*w = window{fd: fd, asked: map[uint64]*Deputy{}}
}

func (w *window) close() {
	if w.fd >= 0 {
		_ = unix.Close(w.fd)
		w.fd = -1
	}
}

// faults reads which pages are waited for and were not yet asked for.
func (w *window) faults() []windowFault {
	var wanted []windowFault
	var messages [16 * sys.UserfaultMsgSize]byte
	for {
		n, err := unix.Read(w.fd, messages[:])
		if err != nil || n < sys.UserfaultMsgSize {
			return wanted
		}
		for at := 0; at+sys.UserfaultMsgSize <= n; at += sys.UserfaultMsgSize {
			address, thread, ok := sys.UserfaultAddress(messages[at:])
			page := address &^ (pageSize - 1)
			if ok && w.asked[page] == nil {
				wanted = append(wanted, windowFault{page, thread})
			}
		}
	}
}

// fill answers the fault on a page with the body's data, which may end before the page does; without
// data the access fails with EFAULT.
func (w *window) fill(page uint64, data []byte, into fetched) error {
	delete(w.asked, page)
	if len(data) == 0 {
		into[page] = nil
		return w.poison(page)
	}
	content := make([]byte, pageSize)
	copy(content, data)
	into[page] = content
	err := sys.UserfaultCopy(w.fd, page, content)
	if errors.Is(err, unix.EEXIST) {
		err = sys.UserfaultWake(w.fd, page, pageSize)
	}
	return ignoreGone(err)
}

// poison makes the access fail with EFAULT. Before Linux 6.6 there is no such request: the access sees
// zeros then, which the caller logs.
func (w *window) poison(page uint64) error {
	err := sys.UserfaultPoison(w.fd, page, pageSize)
	if errors.Is(err, unix.EINVAL) {
		if zero := ignoreGone(sys.UserfaultCopy(w.fd, page, make([]byte, pageSize))); zero != nil {
			return zero
		}
	}
	return ignoreGone(err)
}

// ignoreGone takes ESRCH, which says that the process has ended, for success.
func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// change is a range of bytes that a call wrote through the window.
type change struct {
	address uint64
	data    []byte
}

// changes compares the pages with what was fetched.
func (f fetched) changes(pid int) ([]change, error) {
	var all []change
	for _, page := range f.pages() {
		before := f[page]
		if before == nil {
			continue
		}
		after := make([]byte, pageSize)
		if n, err := sys.ProcessRead(pid, page, after); err != nil || n < pageSize {
			return nil, err
		}
		all = appendChanges(all, page, before, after)
	}
	return all, nil
}

// mergeGap is how many equal bytes between two changes are sent along rather than start a new range.
const mergeGap = 32

func appendChanges(all []change, page uint64, before, after []byte) []change {
	if bytes.Equal(before, after) {
		return all
	}
	first, last := -1, -1
	flush := func() {
		if first >= 0 {
			all = append(all, change{page + uint64(first), after[first : last+1]})
		}
	}
	for i := range after {
		if before[i] == after[i] {
			continue
		}
		if first < 0 || i-last > mergeGap {
			flush()
			first = i
		}
		last = i
	}
	flush()
	return all
}

// pages returns the pages in order of address.
func (f fetched) pages() []uint64 {
	pages := make([]uint64, 0, len(f))
	for page := range f {
		pages = append(pages, page)
	}
	slices.Sort(pages)
	return pages
}

// runs returns the fetched pages as ranges of neighbours, and forgets them.
func (f fetched) runs() [][2]uint64 {
	var runs [][2]uint64
	for _, page := range f.pages() {
		if n := len(runs); n > 0 && runs[n-1][0]+runs[n-1][1] == page {
			runs[n-1][1] += pageSize
			continue
		}
		runs = append(runs, [2]uint64{page, pageSize})
	}
	clear(f)
	return runs
}
