package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine describes what the figures were measured on, in one line.
func machine() string {
	var u unix.Utsname
	_ = unix.Uname(&u) // cannot fail with a valid buffer
	cpus := "1 CPU"
	if n := runtime.NumCPU(); n != 1 {
		cpus = fmt.Sprintf("%d CPUs", n)
	}
	return fmt.Sprintf("%s, %s, %s %s %s, %s", processor("/proc/cpuinfo"), cpus,
		unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]),
		unix.ByteSliceToString(u.Machine[:]), runtime.Version())
}

// processor is the model in cpuinfo (proc_cpuinfo(5)), and whether a hypervisor runs beneath.
func processor(cpuinfo string) string {
	text, err := os.ReadFile(cpuinfo)
	if err != nil {
		return runtime.GOARCH
	}
	model, virtual := runtime.GOARCH, ""
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case "model name":
			model = strings.Join(strings.Fields(value), " ")
		case "flags":
			if strings.Contains(value+" ", " hypervisor ") {
				virtual = " in a virtual machine"
			}
		}
	}
	return model + virtual
}
