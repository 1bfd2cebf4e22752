package syscalls

import (
	"cmp"
	"fmt"
	"slices"
)

// maxNumber bounds the numbers in the table.
const maxNumber = 512

// rows holds all rows by number; byNumber finds them.
var rows, byNumber = compile(
	fileRows, directoryRows, descriptorRows, socketRows, memoryRows, processRows, identityRows, signalRows, timeRows,
	scheduleRows, ipcRows, mountRows, systemRows, refusedRows,
)

// Lookup returns the row of call number nr, or nil if the table has none.
func Lookup(nr uint32) *Row {
	if nr >= maxNumber {
		return nil
	}
	return byNumber[nr]
}

// Rows returns all rows by number. The caller must not change them.
func Rows() []*Row { return rows }

// step is an argument that the walker has to look at.
type step struct {
	index int
	arg   *Arg
}

// compile puts the rows in order and resolves the names in them. A mistake in the table is a panic at start.
func compile(parts ...[]Row) ([]*Row, *[maxNumber]*Row) {
	var all []*Row
	index := new([maxNumber]*Row)
	for _, part := range parts {
		for i := range part {
			r := &part[i]
			if index[r.Number] != nil {
				panic(fmt.Sprintf("syscalls: %s and %s have number %d", index[r.Number].Name, r.Name, r.Number))
			}
			index[r.Number] = r
			r.plan = plan(r.Name, r.Args)
			if r.Commands != nil {
				r.Commands.compile(r)
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *Row) int { return cmp.Compare(a.Number, b.Number) })
	return all, index
}

func (t *Commands) compile(r *Row) {
	t.List = slices.Clone(t.List)
	slices.SortFunc(t.List, func(a, b Command) int { return cmp.Compare(a.Value, b.Value) })
	for i := range t.List {
		c := &t.List[i]
		if i > 0 && t.List[i-1].Value == c.Value {
			panic(fmt.Sprintf("syscalls: %s has %s and %s for %#x", r.Name, t.List[i-1].Name, c.Name, c.Value))
		}
		args := append(slices.Clone(r.Args[:t.From]), c.Args...)
		c.plan = plan(r.Name+" "+c.Name, args)
	}
}

// plan lists the pointers of args in the order in which they are laid out: lengths before the buffers that they
// measure, and what can be clamped last, so that it leaves room for the others.
func plan(name string, args []Arg) []step {
	if len(args) > 6 {
		panic("syscalls: " + name + " has more than 6 arguments")
	}
	var steps []step
	for i := range args {
		a := &args[i]
		a.count = -1
		if a.Count != "" {
			a.count = indexOf(args, a.Count)
			a.countWidth = args[a.count].Kind
		}
		if a.Kind.pointer() {
			steps = append(steps, step{i, a})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.arg.turn(), b.arg.turn()) })
	return steps
}

func (a *Arg) turn() int {
	switch {
	case a.Kind == Length:
		return 0
	case a.Clamp:
		return 2
	}
	return 1
}

func indexOf(args []Arg, name string) int {
	i := slices.IndexFunc(args, func(a Arg) bool { return a.Name == name })
	if i < 0 {
		panic("syscalls: no argument " + name)
	}
	return i
}
