package body

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"deputy/wireproto"
)

// pager brings file pages from home (page-in, thesis 4.1). At present a mapping is filled when it is made.
type pager struct {
	wanted []span          // what is still to be asked for
	asked  map[uint64]span // what is on its way, by address
	then   func(now time.Duration)
}

// span is a range of addresses of one mapping, end exclusive.
type span struct{ start, end, mapping uint64 }

const (
	pageinSize    = 256 << 10 // bytes asked for at once
	pageinsAtOnce = 4         // requests under way: enough that the line is never idle
)

var errNotAsked = errors.New("pages that were not asked for")

// want queues a range; the next ask sends requests.
func (p *pager) want(start, length uint64) {
	p.wanted = append(p.wanted, span{start, start + length, start})
}

// ask sends requests, as many as may be under way. When nothing is wanted any more, then is called, once.
func (b *Body) ask(now time.Duration) {
	p := &b.load.pager
	for len(p.asked) < pageinsAtOnce && len(p.wanted) > 0 {
		s := &p.wanted[0]
		n := min(s.end-s.start, pageinSize)
		if p.asked == nil {
			p.asked = map[uint64]span{}
		}
		p.asked[s.start] = span{s.start, s.start + n, s.mapping}
		b.send(now, wireproto.AppendPageinRequest(b.message[:0], b.tx.seq, s.start, uint32(n)))
		if s.start += n; s.start == s.end {
			p.wanted = p.wanted[1:]
		}
	}
	if len(p.asked) == 0 && p.then != nil {
		then := p.then
		p.then = nil
		then(now)
	}
}

// pageinReply puts pages where they belong. What lies behind the end of the file stays zero.
func (b *Body) pageinReply(now time.Duration, m []byte) error {
	r, err := wireproto.ParsePageinReply(m)
	if err != nil {
		return err
	}
	p := &b.load.pager
	asked, ok := p.asked[r.Address]
	if !ok || uint64(len(r.Data)) > asked.end-asked.start {
		return fmt.Errorf("%w: %d bytes at %#x", errNotAsked, len(r.Data), r.Address)
	}
	delete(p.asked, r.Address)
	if r.Flags&wireproto.FlagFault != 0 { // the end of the file
		p.wanted = slices.DeleteFunc(p.wanted, func(s span) bool { return s.mapping == asked.mapping })
	}
	err = b.self.Write(r.Address, r.Data)
	if errors.Is(err, unix.ESRCH) {
		return nil // killed meanwhile, its end is told next
	}
	if err != nil {
		b.fail(now, err)
		return nil
	}
	b.ask(now)
	return nil
}
