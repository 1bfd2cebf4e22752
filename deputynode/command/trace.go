package command

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"deputy/deputynode/control"
)

// startTrace prints calls as they come. The returned function prints those that are under way, and ends it.
func startTrace(w io.Writer, socket string) (end func(), err error) {
	t, err := control.OpenTrace(socket)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		missed := uint64(0)
		for {
			c, err := t.Next()
			if err != nil {
				return
			}
			if c.Missed > missed {
				fmt.Fprintf(w, "(%d calls missed: they came faster than they could be printed)\n", c.Missed-missed)
				missed = c.Missed
			}
			fmt.Fprintln(w, traceLine(c))
		}
	}()
	return func() {
		_ = t.End()
		<-done
		_ = t.Close()
	}, nil
}

// traceLine is a call as strace(1) prints it, and what it cost.
func traceLine(c control.TracedCall) string {
	result := "?"
	if c.Returns {
		result = fmt.Sprint(c.Value)
		if c.Value >= 1<<32 { // an address
			result = fmt.Sprintf("%#x", c.Value)
		}
		if errno := unix.Errno(-c.Value); c.Value < 0 && unix.ErrnoName(errno) != "" {
			result = fmt.Sprintf("-1 %s (%v)", unix.ErrnoName(errno), errno)
		}
	}
	return fmt.Sprintf("[%d] %-50s = %-6s  %s, %d messages, %d B to and %d B from the body, %.1f µs", c.PID, c.Call, result, c.Class,
		c.Messages, c.Sent, c.Received, c.Micros)
}
