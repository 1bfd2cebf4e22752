package syscalls

import (
	"fmt"
	"strconv"
	"strings"
)

// shown is how many bytes of a string are shown.
const shown = 48

// Format returns a call with its arguments as strace(1) does: numbers as the kernel takes them, addresses in hexadecimal,
// and strings where text, given the address, knows them. Of a call without a row, name is its number.
func Format(row *Row, number uint32, args []uint64, text func(address uint64) (string, bool)) string {
	var b strings.Builder
	if row == nil {
		fmt.Fprintf(&b, "syscall_%d(", number)
	} else {
		b.WriteString(row.Name + "(")
	}
	for i, v := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		kind := Unknown
		if row != nil && i < len(row.Args) {
			kind = row.Args[i].Kind
		}
		b.WriteString(formatValue(kind, v, text))
	}
	b.WriteByte(')')
	return b.String()
}

func formatValue(kind Kind, v uint64, text func(address uint64) (string, bool)) string {
	switch kind {
	case Fd, Int:
		return strconv.Itoa(int(int32(v)))
	case Uint:
		return strconv.FormatUint(uint64(uint32(v)), 10)
	case Long:
		if v < 1<<32 {
			return strconv.FormatUint(v, 10)
		}
	case String:
		if s, ok := text(v); ok {
			if len(s) > shown {
				return strconv.Quote(s[:shown]) + "..."
			}
			return strconv.Quote(s)
		}
	}
	if v == 0 && kind.pointer() {
		return "NULL"
	}
	return fmt.Sprintf("%#x", v)
}
