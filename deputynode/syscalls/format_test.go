package syscalls

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFormat(t *testing.T) {
	text := func(address uint64) (string, bool) {
		switch address {
		case 0x1000:
			return "/etc/passwd", true
		case 0x2000:
			return strings.Repeat("x", 60), true
		}
		return "", false
	}
	minus100 := uint64(0xffff_ff9c) // AT_FDCWD in the low half alone
	for _, c := range []struct {
		number uint32
		args   []uint64
		want   string
	}{
		{unix.SYS_CLOSE, []uint64{3}, "close(3)"},
		{unix.SYS_OPENAT, []uint64{minus100, 0x1000, 0x80000, 0}, `openat(-100, "/etc/passwd", 524288, 0)`},
		{unix.SYS_ACCESS, []uint64{0x2000, 4}, `access("` + strings.Repeat("x", 48) + `"..., 4)`},
		{unix.SYS_CHDIR, []uint64{0x3000}, "chdir(0x3000)"},
		{unix.SYS_READ, []uint64{0, 0x7f0000001000, 1 << 33}, "read(0, 0x7f0000001000, 0x200000000)"},
		{unix.SYS_WAIT4, []uint64{^uint64(0), 0, 0, 0}, "wait4(-1, NULL, 0, NULL)"},
		{999, []uint64{1, 0}, "syscall_999(0x1, NULL)"},
	} {
		if got := Format(Lookup(c.number), c.number, c.args, text); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
