package body

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"deputy/wireproto"
)

// pager brings file pages from home (page-in, thesis 4.1), or from the node's cache where it has them. At present a mapping
// is filled when it is made.
type pager struct {
	files  map[uint64]wireproto.FileVersion // what mappings show, by address, where that is known
	wanted []span                           // what is still to be asked for
	asked  map[uint64]span                  // what is on its way, by address
	then   func(now time.Duration)
}

// span is a range of addresses of one mapping, end exclusive.
type span struct{ start, end, mapping uint64 }

const (
	pageinSize    = 256 << 10 // bytes asked for at once
	pageinsAtOnce = 4         // requests under way: enough that the line is never idle
)

var errNotAsked = errors.New("pages that were not asked for")

// shows notes which file a mapping shows.
func (p *pager) shows(m []byte) error {
	v, err := wireproto.ParseFileVersion(m)
	if err != nil {
		return err
	}
	if p.files == nil {
		p.files = map[uint64]wireproto.FileVersion{}
	}
	p.files[v.Address] = v
	return nil
}

// key tells which piece of which file a span is.
func (p *pager) key(s span) (pageKey, bool) {
	v, ok := p.files[s.mapping]
	return pageKey{v.Version, v.Offset + s.start - s.mapping, s.end - s.start}, ok
}

// want queues a range; the next ask sends requests.
func (p *pager) want(start, length uint64) {
	p.wanted = append(p.wanted, span{start, start + length, start})
}

// drop forgets what is wanted of a mapping: the file has ended.
func (p *pager) drop(mapping uint64) {
	p.wanted = slices.DeleteFunc(p.wanted, func(s span) bool { return s.mapping == mapping })
}

// ask sends requests, as many as may be under way. When nothing is wanted any more, then is called, once.
func (b *Body) ask(now time.Duration) {
	p := &b.load.pager
	for len(p.asked) < pageinsAtOnce && len(p.wanted) > 0 {
		s := &p.wanted[0]
		piece := span{s.start, min(s.end, s.start+pageinSize), s.mapping}
		if s.start = piece.end; s.start == s.end {
			p.wanted = p.wanted[1:]
		}
		if key, ok := p.key(piece); ok {
			if kept, ok := b.guest.cache.find(key); ok {
				if !b.fill(now, piece, kept.data, kept.end) {
					return
				}
				continue
			}
		}
		if p.asked == nil {
			p.asked = map[uint64]span{}
		}
		p.asked[piece.start] = piece
		b.send(now, wireproto.AppendPageinRequest(b.message[:0], b.tx.seq, piece.start, uint32(piece.end-piece.start)))
	}
	if len(p.asked) == 0 && len(p.wanted) == 0 && p.then != nil {
		then := p.then
		p.then, p.files = nil, nil
		then(now)
	}
}

// pageinReply puts pages where they belong, and keeps them.
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
	end := r.Flags&wireproto.FlagFault != 0
	if key, ok := p.key(asked); ok {
		b.guest.cache.keep(pages{key, r.Data, end})
	}
	if b.fill(now, asked, r.Data, end) {
		b.ask(now)
	}
	return nil
}

// fill puts data in its place; what lies behind the end of the file stays zero. It reports whether the body goes on.
func (b *Body) fill(now time.Duration, s span, data []byte, end bool) bool {
	if end {
		b.load.pager.drop(s.mapping)
	}
	err := b.self.Write(s.start, data)
	if err != nil && !errors.Is(err, unix.ESRCH) { // ESRCH: killed meanwhile, its end is told next
		b.fail(now, err)
	}
	return err == nil
}
