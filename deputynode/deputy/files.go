package deputy

import (
	"slices"
	"sort"
)

// files knows where in the deputy the files lie that the body has mapped: the kernel at home checked the
// call, holds the file and reads its pages; the body asks for them by its own addresses (page-in).
type files struct {
	next   uint64
	placed []placement // by start, not overlapping
}

// placement says that the body's addresses from start on are the deputy's from at on.
type placement struct{ start, length, at uint64 }

func (f *files) reset() { *f = files{next: mappingsStart} }

// clone is what a child has of them.
func (f *files) clone() files { return files{next: f.next, placed: slices.Clone(f.placed)} }

// place finds a free range in the deputy for a mapping at start in the body, and remembers it.
func (f *files) place(start, length uint64) uint64 {
	at := f.reserve(length)
	f.add(start, length, at)
	return at
}

// reserve finds a free range in the deputy, with a page between it and the one before.
func (f *files) reserve(length uint64) uint64 {
	at := f.next
	f.next += (length+pageSize-1)&^(pageSize-1) + pageSize
	return at
}

// add remembers a mapping; what it covers of earlier ones is forgotten with them.
func (f *files) add(start, length, at uint64) {
	kept := f.placed[:0:0]
	for _, p := range f.placed {
		if p.start+p.length <= start || start+length <= p.start {
			kept = append(kept, p)
		}
	}
	f.placed = append(kept, placement{start, length, at})
	sort.Slice(f.placed, func(i, j int) bool { return f.placed[i].start < f.placed[j].start })
}

// find returns where the deputy has the body's address and how many bytes follow it in that mapping; 0 if
// it has not.
func (f *files) find(address uint64) (at, length uint64) {
	i := sort.Search(len(f.placed), func(i int) bool { return f.placed[i].start > address })
	if i == 0 {
		return 0, 0
	}
	p := f.placed[i-1]
	if offset := address - p.start; offset < p.length {
		return p.at + offset, p.length - offset
	}
	return 0, 0
}

// drop forgets the mapping that starts at an address and returns where it lay.
func (f *files) drop(start uint64) (at, length uint64) {
	for i, p := range f.placed {
		if p.start == start {
			f.placed = append(f.placed[:i], f.placed[i+1:]...)
			return p.at, p.length
		}
	}
	return 0, 0
}
