package image

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestParseMapping(t *testing.T) {
	for _, c := range []struct {
		line string
		want Mapping
	}{
		{"00400000-00401000 r-xp 00003000 fe:00 1234                     /bin/a program",
			Mapping{0x400000, 0x401000, unix.PROT_READ | unix.PROT_EXEC, false, 0x3000, File, "/bin/a program"}},
		{"7ffc0000-7ffc2000 rw-p 00000000 00:00 0                        [stack]",
			Mapping{0x7ffc0000, 0x7ffc2000, unix.PROT_READ | unix.PROT_WRITE, false, 0, Stack, "[stack]"}},
		{"7ffc3000-7ffc4000 r--p 00000000 00:00 0                        [vvar_vclock]",
			Mapping{0x7ffc3000, 0x7ffc4000, unix.PROT_READ, false, 0, VDSO, "[vvar_vclock]"}},
		{"1000-2000 ---s 00000000 00:00 0", Mapping{0x1000, 0x2000, 0, true, 0, Anonymous, ""}},
	} {
		got, err := parseMapping(c.line)
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.line, d)
		}
	}
	for _, line := range []string{"", "1000", "1000-2000 r-xp", "x-2000 r-xp 0 0 0", "1000-2000 r-x 0 00:00 0"} {
		if m, err := parseMapping(line); err == nil {
			t.Errorf("%q parses as %+v", line, m)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	pid := os.Getpid()
	mappings, err := Mappings(pid)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[Kind]int{}
	for i, m := range mappings {
		kinds[m.Kind]++
		if m.End <= m.Start || i > 0 && m.Start < mappings[i-1].End {
			t.Errorf("mapping %d is out of order: %+v", i, m)
		}
	}
	if kinds[Stack] != 1 || kinds[File] == 0 || kinds[VDSO] < 2 {
		t.Errorf("kinds of mappings: %v", kinds)
	}
	layout, err := ReadLayout(pid)
	if err != nil {
		t.Fatal(err)
	}
	if layout.StartCode == 0 || layout.EndCode <= layout.StartCode || layout.ArgEnd <= layout.ArgStart {
		t.Errorf("layout: %+v", layout)
	}
	auxv, err := Auxv(pid)
	if err != nil || len(auxv) < 32 || len(auxv)%16 != 0 {
		t.Errorf("auxv: %d bytes, %v", len(auxv), err)
	}
}
