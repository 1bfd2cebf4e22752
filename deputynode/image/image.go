// Package image reads from /proc what a process's user memory consists of: its mappings, the boundaries
// that the kernel keeps of it, and its auxiliary vector (proc(5)).
package image

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind says what fills a mapping.
type Kind uint32

// Kinds of mappings; the numbers are those of the protocol (wireproto.Map).
const (
	Anonymous Kind = 1 // zero pages, heap included
	File      Kind = 2 // a file
	Stack     Kind = 3 // the main thread's stack, which grows down
	VDSO      Kind = 4 // vvar and vdso, which each kernel makes for itself
)

// Mapping is one line of /proc/PID/maps.
type Mapping struct {
	Start, End uint64 // addresses, End exclusive
	Protection int    // PROT_*
	Shared     bool   // MAP_SHARED, else MAP_PRIVATE
	Offset     uint64 // in the file
	Kind       Kind
	Path       string // what the kernel calls it
}

// Len is the size in bytes.
func (m Mapping) Len() uint64 { return m.End - m.Start }

// Layout is where the kernel finds the parts of a program, as in struct prctl_mm_map of prctl(2).
type Layout struct {
	StartCode, EndCode, StartData, EndData uint64
	StartBrk, Brk, StartStack              uint64
	ArgStart, ArgEnd, EnvStart, EnvEnd     uint64
}

// vsyscall is a page of the kernel's own half that every process shows.
const vsyscall = "[vsyscall]"

// Mappings reads the mappings of a process, in order of address, without [vsyscall].
func Mappings(pid int) ([]Mapping, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	var all []Mapping
	for line := range strings.Lines(string(data)) {
		m, err := parseMapping(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("maps of process %d: %w", pid, err)
		}
		if m.Path != vsyscall {
			all = append(all, m)
		}
	}
	return all, nil
}

var errMapping = errors.New("not a mapping")

// parseMapping parses "start-end perms offset device inode [path]".
func parseMapping(line string) (Mapping, error) {
	fields := strings.SplitN(line, " ", 6)
	if len(fields) < 5 || len(fields[1]) != 4 {
		return Mapping{}, fmt.Errorf("%w: %q", errMapping, line)
	}
	start, end, ok := strings.Cut(fields[0], "-")
	var m Mapping
	var err1, err2 error
	m.Start, err1 = strconv.ParseUint(start, 16, 64)
	m.End, err2 = strconv.ParseUint(end, 16, 64)
	var err3 error
	m.Offset, err3 = strconv.ParseUint(fields[2], 16, 64)
	if !ok || err1 != nil || err2 != nil || err3 != nil {
		return Mapping{}, fmt.Errorf("%w: %q", errMapping, line)
	}
	for i, bit := range []int{unix.PROT_READ, unix.PROT_WRITE, unix.PROT_EXEC} {
		if fields[1][i] != '-' {
			m.Protection |= bit
		}
	}
	m.Shared = fields[1][3] == 's'
	if len(fields) == 6 {
		m.Path = strings.TrimLeft(fields[5], " ")
	}
	switch {
	case m.Path == "[stack]":
		m.Kind = Stack
	case m.Path == "[vdso]" || strings.HasPrefix(m.Path, "[vvar"):
		m.Kind = VDSO
	case fields[4] != "0" && m.Path != "":
		m.Kind = File
	default:
		m.Kind = Anonymous
	}
	return m, nil
}

// ReadLayout reads the boundaries from /proc/PID/stat.
func ReadLayout(pid int) (Layout, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Layout{}, err
	}
	return parseLayout(data)
}

var errStat = errors.New("unexpected form of /proc/PID/stat")

// parseLayout picks fields by their numbers in proc(5); the command, field 2, may hold anything.
func parseLayout(stat []byte) (Layout, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return Layout{}, errStat
	}
	fields := strings.Fields(string(stat[end+1:])) // from field 3 on
	var l Layout
	for number, to := range map[int]*uint64{
		26: &l.StartCode, 27: &l.EndCode, 28: &l.StartStack, 45: &l.StartData, 46: &l.EndData, 47: &l.StartBrk,
		48: &l.ArgStart, 49: &l.ArgEnd, 50: &l.EnvStart, 51: &l.EnvEnd,
	} {
		if number-3 >= len(fields) {
			return Layout{}, errStat
		}
		value, err := strconv.ParseUint(fields[number-3], 10, 64)
		if err != nil {
			return Layout{}, errStat
		}
		*to = value
	}
	l.Brk = l.StartBrk // of a fresh image, the only one that is read
	return l, nil
}

// Auxv reads the auxiliary vector of a process: pairs of u64, to the AT_NULL pair and that included.
func Auxv(pid int) ([]byte, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	if err != nil {
		return nil, err
	}
	const pair = 16
	for at := 0; at+pair <= len(data); at += pair {
		if bytes.Equal(data[at:at+8], make([]byte, 8)) {
			return data[:at+pair], nil
		}
	}
	return data, nil
}
