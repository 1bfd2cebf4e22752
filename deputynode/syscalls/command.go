package syscalls

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"
)

// Command describes the last arguments of a call for one value of a command argument, such as that of ioctl(2).
type Command struct {
	// Value of the command argument; of two, first<<32 | second.
	Value uint64
	// Name of the constant.
	Name string
	// Args stand in the place of the row's arguments from Commands.From on; those that it has not are plain values.
	Args []Arg
	// Errno, if not 0, is the answer to the command.
	Errno unix.Errno

	plan []step
}

// Commands is a table of commands. A value that is not in it leaves the row's own arguments in force.
type Commands struct {
	// List is sorted by Value.
	List []Command
	// From is the first argument that a command describes.
	From int

	on        [2]int
	selectors int
}

func (t *Commands) lookup(args *[6]uint64) *Command {
	key := uint64(uint32(args[t.on[0]]))
	if t.selectors == 2 {
		key = key<<32 | uint64(uint32(args[t.on[1]]))
	}
	i, found := slices.BinarySearchFunc(t.List, key, func(c Command, key uint64) int { return cmp.Compare(c.Value, key) })
	if !found {
		return nil
	}
	return &t.List[i]
}

// command is one line of a table.
func command(value uint64, name string, args ...Arg) Command {
	return Command{Value: value, Name: name, Args: args}
}

func refusedCommand(value uint64, name string, errno unix.Errno) Command {
	return Command{Value: value, Name: name, Errno: errno}
}
