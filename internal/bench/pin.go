package bench

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unpinned is the CPU of a thread that the scheduler places.
const unpinned = -1

// Pins says which CPUs the two measuring threads run on.
type Pins struct {
	Own  int // this side's, or unpinned (-1)
	Peer int // the peer's where we start it, or unpinned (-1)
}

// ErrPin is what is wrong with a --pin that names no usable CPU.
var ErrPin = errors.New("cannot pin")

// ParsePins reads the option --pin: "auto" (two CPUs, on two cores where there are), "none", or one or two
// CPU numbers "0" or "0,1".
func ParsePins(s string) (Pins, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return Pins{}, fmt.Errorf("sched_getaffinity: %w", err)
	}
	return parsePins(s, allowed(set), sibling)
}

// parsePins is ParsePins on a machine with the given CPUs, of which some share a core.
func parsePins(s string, cpus []int, sibling func(a, b int) bool) (Pins, error) {
	switch s {
	case "none":
		return Pins{unpinned, unpinned}, nil
	case "", "auto":
		p := Pins{cpus[0], cpus[0]}
		if len(cpus) > 1 {
			p.Peer = cpus[1]
		}
		for _, c := range cpus[1:] {
			if !sibling(p.Own, c) {
				p.Peer = c
				break
			}
		}
		return p, nil
	}
	own, peer, two := strings.Cut(s, ",")
	p := Pins{Peer: unpinned}
	var err error
	if p.Own, err = parseCPU(own, cpus); err != nil {
		return Pins{}, err
	}
	if two {
		p.Peer, err = parseCPU(peer, cpus)
	}
	return p, err
}

func parseCPU(s string, cpus []int) (int, error) {
	cpu, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("%w to %q: give auto, none, or CPU numbers such as 0,1", ErrPin, s)
	}
	if !slices.Contains(cpus, cpu) {
		return 0, fmt.Errorf("%w to CPU %d: this process may use %s", ErrPin, cpu, strings.Trim(fmt.Sprint(cpus), "[]"))
	}
	return cpu, nil
}

// Shared reports whether both threads have to share one CPU: neither may spin then.
func (p Pins) Shared() bool { return p.Own == p.Peer && p.Own != unpinned }

func (p Pins) String() string {
	if p.Shared() {
		return fmt.Sprintf("both sides to CPU %d, so none spins", p.Own)
	}
	return "this side " + onCPU(p.Own) + ", peer " + onCPU(p.Peer)
}

func onCPU(cpu int) string {
	if cpu == unpinned {
		return "not pinned"
	}
	return fmt.Sprintf("to CPU %d", cpu)
}

// pin binds the calling thread to a CPU; the caller has locked it.
func pin(cpu int) error {
	if cpu == unpinned {
		return nil
	}
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("%w to CPU %d: %w", ErrPin, cpu, err)
	}
	return nil
}

func allowed(set unix.CPUSet) []int {
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// sibling reports whether two CPUs are threads of one core.
func sibling(a, b int) bool {
	read := func(cpu int) string {
		text, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
		if err != nil {
			return strconv.Itoa(cpu) // not known to share anything
		}
		return string(text)
	}
	return read(a) == read(b)
}
