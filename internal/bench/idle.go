package bench

import (
	"fmt"
	"runtime"
	"time"

	"deputy/internal/bench/report"
)

// idleConnection is one of many: it is opened, and nothing is done with it.
type idleConnection struct{ dialed }

// OnData takes what nobody sends.
func (*idleConnection) OnData(_ time.Duration, data []byte) int { return len(data) }

// openIdle opens the idle connections and notes what memory one takes at this side.
func (r *run) openIdle() error {
	for _, t := range r.node.transports {
		before := heap()
		all := make([]idleConnection, r.o.Idle)
		for i := range all {
			all[i].dialed = dialed{session: r.session, transport: t}
			if err := all[i].dial(portEcho, &all[i]); err != nil {
				return fmt.Errorf("idle connection %d: %w", i, err)
			}
		}
		size := (heap() - before) / uint64(len(all))
		r.idle = append(r.idle, report.Setting{Name: "idle", Value: fmt.Sprintf("%s %s connections open besides, %s bytes of memory each",
			report.Grouped(int64(len(all))), t.layer, report.Grouped(int64(size)))})
	}
	return nil
}

// heap is how many bytes are allocated and in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
