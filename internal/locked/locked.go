// Package locked has a buffer that goroutines share.
package locked

import (
	"bytes"
	"sync"
)

// Buffer is a bytes.Buffer that some write to while others look at it.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends p. It never fails.
func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Bytes is a copy of what has been written.
func (l *Buffer) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

func (l *Buffer) String() string { return string(l.Bytes()) }
