package syscalls

import "golang.org/x/sys/unix"

// Offsets in struct seccomp_data.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16 // six of 8 bytes, low half first
)

// x32Bit marks a call of the x32 ABI, which the table does not have; a number of -1 has it too.
const x32Bit = 0x40000000

const refuseABI = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)

// Filter returns the seccomp filter of a body, made from the rows: Local calls are allowed, or where LocalIf holds;
// rows with Trace stop the body with a ptrace event; every other call, and every number without a row, goes to the
// listener. Calls of the i386 and x32 ABIs fail with ENOSYS.
//
// The numbers are searched by halves. The kernel runs the filter once for each number and remembers which are allowed
// without a look at the arguments; these cost nothing later.
func Filter() []unix.SockFilter {
	spans := verdicts()
	f := []unix.SockFilter{
		load(dataArch),
		jump(unix.BPF_JEQ, unix.AUDIT_ARCH_X86_64, 1, 0),
		answer(refuseABI),
		load(dataNumber),
		jump(unix.BPF_JSET, x32Bit, 0, 1),
		answer(refuseABI),
	}
	return append(f, search(spans)...)
}

// span is a run of numbers that are treated alike, up to where the next one starts.
type span struct {
	start  uint32
	action uint32
	cond   *Cond // allowed where it holds, else action
}

func verdicts() []span {
	spans := []span{{0, unix.SECCOMP_RET_USER_NOTIF, nil}}
	for nr := uint32(0); nr <= maxNumber; nr++ {
		next := span{nr, unix.SECCOMP_RET_USER_NOTIF, nil}
		if r := Lookup(nr); r != nil {
			next.action, next.cond = r.action(), r.LocalIf
		}
		if last := spans[len(spans)-1]; next.action == last.action && next.cond == last.cond {
			continue
		}
		if nr == 0 {
			spans = spans[:0]
		}
		spans = append(spans, next)
	}
	return spans
}

// action is what the filter does with r where LocalIf does not hold.
func (r *Row) action() uint32 {
	switch {
	case r.Class == Local && r.LocalIf == nil:
		return unix.SECCOMP_RET_ALLOW
	case r.Trace:
		return unix.SECCOMP_RET_TRACE
	}
	return unix.SECCOMP_RET_USER_NOTIF
}

// search returns the program that finds the span of the loaded number and acts on it.
func search(spans []span) []unix.SockFilter {
	if len(spans) == 1 {
		return spans[0].leaf()
	}
	middle := len(spans) / 2
	below, above := search(spans[:middle]), search(spans[middle:])
	// A jump reaches 255 instructions, which the test of the filter would find exceeded.
	f := []unix.SockFilter{jump(unix.BPF_JGE, spans[middle].start, uint8(len(below)), 0)}
	return append(append(f, below...), above...)
}

func (s span) leaf() []unix.SockFilter {
	if s.cond == nil {
		return []unix.SockFilter{answer(s.action)}
	}
	return []unix.SockFilter{
		load(dataArgs + 8*uint32(s.cond.Arg)),
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: s.cond.Mask},
		jump(unix.BPF_JEQ, s.cond.Value, 0, 1),
		answer(unix.SECCOMP_RET_ALLOW),
		answer(s.action),
	}
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jump(test uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

func answer(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}
