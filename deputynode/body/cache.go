package body

import (
	"bytes"
	"container/list"
)

// cacheLimit bounds the file pages that a node keeps, in bytes: the libraries and programs of many.
const cacheLimit = 256 << 20

// pageKey is a piece of a file as it stood at home.
type pageKey struct {
	version [16]byte
	offset  uint64
	length  uint64
}

// pages is what a page-in brought. end says that the file ends with it.
type pages struct {
	key  pageKey
	data []byte
	end  bool
}

// pageCache keeps file pages of the bodies of a node, so that a program that is started again need not have them sent
// again. The pages that were not used for the longest time give way.
type pageCache struct {
	entries map[pageKey]*list.Element
	used    list.List // of pages, last used first
	size    int
}

func newPageCache() *pageCache { return &pageCache{entries: map[pageKey]*list.Element{}} }

// find returns the pages of a key, if they are there.
func (c *pageCache) find(k pageKey) (pages, bool) {
	e := c.entries[k]
	if e == nil {
		return pages{}, false
	}
	c.used.MoveToFront(e)
	return e.Value.(pages), true
}

// keep takes in pages.
func (c *pageCache) keep(p pages) {
	if c.entries[p.key] != nil || len(p.data) > cacheLimit {
		return
	}
	p.data = bytes.Clone(p.data)
	c.entries[p.key] = c.used.PushFront(p)
	for c.size += len(p.data); c.size > cacheLimit; {
		oldest := c.used.Remove(c.used.Back()).(pages)
		delete(c.entries, oldest.key)
		c.size -= len(oldest.data)
	}
}
