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

// Report is what is told of a process.
type Report struct {
	PID     int
	Node    string
	Command string
	Started time.Time
	Calls   Counts
	Traffic channel.Stats // as the deputy sees it: sent to the body, received from it
}

// Leads reports whether it is the first thread of its process.
func (d *Deputy) Leads() bool { return d.process == nil || d.process.leader == d }

// Report tells what the process has done so far.
func (d *Deputy) Report() Report {
	r := Report{PID: d.pid(), Node: d.options.Node, Command: d.options.Command, Started: d.started}
	p := d.process
	if p == nil {
		r.Traffic = d.ch.Stats()
		return r
	}
	r.Calls = Counts{maps.Clone(p.count.ByName), maps.Clone(p.count.ByClass)}
	r.Traffic = p.traffic
	for _, t := range p.threads {
		r.Traffic.Add(t.ch.Stats())
	}
	return r
}
