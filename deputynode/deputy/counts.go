package deputy

import (
	"maps"
	"strconv"
	"time"

	"deputy/deputynode/channel"
	"deputy/deputynode/syscalls"
)

// Counts are the calls that a deputy served.
type Counts struct {
	ByName  map[string]uint64
	ByClass map[string]uint64
}

func (c *Counts) call(number uint32, args [6]uint64, row *syscalls.Row) {
	if row != nil && row.ClassOf(args) == syscalls.Local {
		return // the agents' own: a mapping whose pages have all come is dropped at home
	}
	if c.ByName == nil {
		*c = Counts{map[string]uint64{}, map[string]uint64{}}
	}
	name, class := strconv.Itoa(int(number)), "unknown"
	if row != nil {
		name, class = row.Name, row.ClassOf(args).String()
	}
	c.ByName[name]++
	c.ByClass[class]++
}

// Report is what is told of a deputy.
type Report struct {
	PID     int
	Node    string
	Command string
	Started time.Time
	Calls   Counts
	Traffic channel.Stats // as the deputy sees it: sent to the body, received from it
}

// Report tells what the deputy has done so far.
func (d *Deputy) Report() Report {
	return Report{PID: d.tracee.PID, Node: d.options.Node, Command: d.options.Command, Started: d.started,
		Calls: Counts{maps.Clone(d.count.ByName), maps.Clone(d.count.ByClass)}, Traffic: d.ch.Stats()}
}
