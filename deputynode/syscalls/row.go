package syscalls

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Class says where a call runs (thesis 4.1).
type Class uint8

const (
	// Remote calls are forwarded and run by the deputy.
	Remote Class = iota
	// Local calls run natively on the node of the body and are not seen by anybody.
	Local
	// Special calls need both sides: the body or what the agent knows of it changes with them.
	Special
)

// String returns the thesis's word for c.
func (c Class) String() string {
	switch c {
	case Remote:
		return "remote"
	case Local:
		return "local"
	case Special:
		return "special"
	}
	return "unknown"
}

// Cond is a condition on one argument: the bits Mask of its low 32 bits are Value.
type Cond struct {
	Arg         int
	Mask, Value uint32
}

// Holds reports whether args meet the condition.
func (c *Cond) Holds(args *[6]uint64) bool { return uint32(args[c.Arg])&c.Mask == c.Value }

// Row describes one system call.
type Row struct {
	// Number is the call's number on x86-64.
	Number uint32
	// Name is the kernel's name of it, as in its table of system calls.
	Name string
	// Class says where the call runs, unless LocalIf holds.
	Class Class
	// Args are the arguments in order; empty where there are none.
	Args []Arg
	// LocalIf, if not nil, makes the call Local where it holds, whatever Class says.
	LocalIf *Cond
	// WindowIf, if not nil, leaves all pointers to the memory window where it holds.
	WindowIf *Cond
	// Commands, if not nil, describes the last arguments by the value of an earlier one.
	Commands *Commands
	// Trace makes the filter stop the body with a ptrace event, since the agent has to change the body itself.
	Trace bool
	// Errno, if not 0, is the answer to every call: it is not forwarded. See Refused for single commands.
	Errno unix.Errno
	// Note says why the row is as it is, where that is not plain.
	Note string

	plan []step
}

// Refused returns the errno with which a call with these arguments is answered instead of being run, or 0.
func (r *Row) Refused(args [6]uint64) unix.Errno {
	if r.Errno == 0 && r.Commands != nil {
		if cmd := r.Commands.lookup(&args); cmd != nil {
			return cmd.Errno
		}
	}
	return r.Errno
}

// ClassOf returns the class of a call with these arguments.
func (r *Row) ClassOf(args [6]uint64) Class {
	if r.LocalIf != nil && r.LocalIf.Holds(&args) {
		return Local
	}
	return r.Class
}

// String returns the call as a prototype.
func (r *Row) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	b.WriteByte('(')
	for i := range r.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.Args[i].String())
	}
	b.WriteByte(')')
	return b.String()
}

// The rest makes a row read like a prototype.

func remote(number uint32, name string, args ...Arg) Row {
	return Row{Number: number, Name: name, Class: Remote, Args: args}
}

func local(number uint32, name string, args ...Arg) Row {
	return Row{Number: number, Name: name, Class: Local, Args: args}
}

func special(number uint32, name string, args ...Arg) Row {
	return Row{Number: number, Name: name, Class: Special, Args: args}
}

// refused is a remote call that is answered with errno.
func refused(number uint32, name string, errno unix.Errno, note string, args ...Arg) Row {
	return Row{Number: number, Name: name, Class: Remote, Args: args, Errno: errno, Note: note}
}

func (r Row) note(text string) Row { r.Note = text; return r }

// traced is a call that stops the body with a ptrace event.
func (r Row) traced() Row { r.Trace = true; return r }

func (r Row) errno(errno unix.Errno) Row { r.Errno = errno; return r }

func (r Row) localIf(arg int, mask, value uint32) Row {
	r.LocalIf = &Cond{arg, mask, value}
	return r
}

func (r Row) windowIf(arg int, mask uint32) Row {
	r.WindowIf = &Cond{arg, mask, mask}
	return r
}

// by describes the arguments after the named one, or after the second of two, by its value.
func (r Row) by(names string, list []Command) Row {
	r.Commands = &Commands{List: list}
	for i, name := range strings.Fields(names) {
		r.Commands.on[i] = indexOf(r.Args, name)
		r.Commands.selectors++
	}
	r.Commands.From = r.Commands.on[r.Commands.selectors-1] + 1
	return r
}
