package wireproto

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ipTCPHeaders is what the thesis counts besides the message, in bytes.
const ipTCPHeaders = 40

// golden is one message in its three forms. The comment in wire names each field.
type golden struct {
	name    string
	message any    // what parsing gives
	encoded []byte // what appending gives
	wire    string // what both must agree with
	size    int    // in bytes, where the thesis or DESIGN.md say it; or the header and the fixed part
}

// unhex reads hexadecimal with spaces, and with comments from '#' to the end of the line.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("golden message %q: %v", s, err)
	}
	return b
}

// goldens has every message of the protocol, in the order of the types, in every shape that differs.
func goldens() []golden {
	kilobyte := bytes.Repeat([]byte{0xa5}, 1024)
	siginfo := bytes.Repeat([]byte{0x5a}, SiginfoLen)
	return []golden{
		{
			name:    "request close(3)",
			message: request{Sequence: 0x0102, Call: 3, Args: []uint64{3}},
			encoded: AppendRequest(nil, 0x0102, 3, []uint64{3}, 0),
			wire: `
				01 00       # request, no flags
				02 01       # sequence
				08000000    # length
				03000000    # close
				01000000    # widths: one argument of 4 bytes
				03000000    # fd
				00000000    # padding`,
			size: 24,
		},
		{
			name:    "request write(1, buf, 1024)",
			message: request{Sequence: 7, Call: 1, Args: []uint64{1, 0x7ffe12345678, 1024}},
			encoded: AppendRequest(nil, 7, 1, []uint64{1, 0x7ffe12345678, 1024}, 0),
			wire: `
				01 00 0700
				10000000            # length
				01000000            # write
				19000000            # widths: 4 bytes, 8 bytes, 4 bytes (01 10 01)
				01000000            # fd
				78563412fe7f0000    # buf
				00040000            # n; 16 bytes, nothing to pad`,
			size: 32,
		},
		{
			name:    "request getpid()",
			message: request{Sequence: 0xffff, Call: 39, Args: []uint64{}},
			encoded: AppendRequest(nil, 0xffff, 39, nil, 0),
			wire: `
				01 00 ffff
				00000000    # length
				27000000    # getpid
				00000000    # widths: no argument`,
			size: 16,
		},
		{
			name: "request of six arguments, values at the limit of a width",
			message: request{Sequence: 1, Call: 0x12345678, Args: []uint64{
				0, 0xffffffff, 0x100000000, 0xffffffffffffffff, 0, 0x80000000,
			}},
			encoded: AppendRequest(nil, 1, 0x12345678, []uint64{
				0, 0xffffffff, 0x100000000, 0xffffffffffffffff, 0, 0x80000000,
			}, 0),
			wire: `
				01 00 0100
				20000000            # length
				78563412            # call number
				a5050000            # widths: 4 4 8 8 4 4 (01 01 10 10 01 01)
				00000000
				ffffffff
				0000000001000000
				ffffffffffffffff
				00000000
				00000080`,
			size: 48,
		},
		{
			name: "request write(1, buf, 3), eager",
			message: request{
				Sequence: 7, Flags: FlagRanges, Call: 1, Args: []uint64{1, 0x7ffe12345678, 3},
				Ranges: []Range{{Address: 0x7ffe12345678, Data: []byte("abc")}},
			},
			encoded: withRanges(AppendRequest(nil, 7, 1, []uint64{1, 0x7ffe12345678, 3}, FlagRanges),
				Range{Address: 0x7ffe12345678, Data: []byte("abc")}),
			wire: `
				01 01 0700          # flag Ranges
				23000000            # length: 16 of arguments, 16 and 3 of the range
				01000000 19000000
				01000000 78563412fe7f0000 03000000
				78563412fe7f0000    # address
				03000000            # range length
				00000000            # range flags
				616263              # data`,
			size: 51,
		},
		{
			name: "request openat(AT_FDCWD, path), eager, two ranges, one unreadable",
			message: request{
				Sequence: 8, Flags: FlagRanges, Call: 257, Args: []uint64{0xffffff9c, 0x40_0000_0000},
				Ranges: []Range{
					{Address: 0x40_0000_0000, Flags: FlagString, Data: []byte("/x\x00")},
					{Address: 0x1000, Flags: FlagString | FlagFault, Data: []byte{}},
				},
			},
			encoded: withRanges(AppendRequest(nil, 8, 257, []uint64{0xffffff9c, 0x40_0000_0000}, FlagRanges),
				Range{Address: 0x40_0000_0000, Flags: FlagString, Data: []byte("/x\x00")},
				Range{Address: 0x1000, Flags: FlagString | FlagFault}),
			wire: `
				01 01 0800
				33000000            # length: 16 of arguments, 19 and 16 of ranges
				01010000            # openat
				09000000            # widths: 4 8 (01 10)
				9cffffff            # AT_FDCWD as an unsigned int
				0000000040000000    # path
				00000000            # padding
				0000000040000000    # first range
				03000000
				04000000            # String
				2f7800
				0010000000000000    # second range, which begins at any offset
				00000000
				0c000000            # String, Fault`,
			size: 67,
		},
		{
			name:    "request close(3), eager with nothing to copy",
			message: request{Sequence: 9, Flags: FlagRanges, Call: 3, Args: []uint64{3}},
			encoded: AppendRequest(nil, 9, 3, []uint64{3}, FlagRanges),
			wire:    `01 01 0900 08000000 03000000 01000000 03000000 00000000`,
			size:    24,
		},
		{
			name:    "result, termination piggybacked",
			message: result{Sequence: 7, Flags: FlagTerminated, Value: 1024},
			encoded: AppendResult(nil, 7, 0, 1024, FlagTerminated),
			wire: `
				02 02 0700          # result, flag Terminated
				0c000000            # length
				0000000000000000    # unused
				00000000            # error
				0004000000000000    # value`,
			size: 28,
		},
		{
			name:    "result, EINTR",
			message: result{Sequence: 7, Errno: 4, Value: 0x1122334455667788},
			encoded: AppendResult(nil, 7, 4, 0x1122334455667788, 0),
			wire:    `02 00 0700 0c000000 0000000000000000 04000000 8877665544332211`,
			size:    28,
		},
		{
			name: "result read() = 2, eager",
			message: result{
				Sequence: 7, Flags: FlagRanges | FlagTerminated, Value: 2,
				Ranges: []Range{{Address: 0x1000, Data: []byte("hi")}},
			},
			encoded: withRanges(AppendResult(nil, 7, 0, 2, FlagRanges|FlagTerminated),
				Range{Address: 0x1000, Data: []byte("hi")}),
			wire: `
				02 03 0700                    # flags Ranges, Terminated
				1e000000                      # length: 12, 16 and 2
				0000000000000000
				00000000 0200000000000000
				0010000000000000 02000000 00000000 6869`,
			size: 46,
		},
		{
			name:    "copyin request",
			message: CopyinRequest{Sequence: 7, Address: 0x7ffe12345678, Count: 1024},
			encoded: AppendCopyinRequest(nil, 7, 0x7ffe12345678, 1024, 0),
			wire: `
				03 00 0700
				00040000            # length: bytes wanted
				78563412fe7f0000    # address`,
			size: 16,
		},
		{
			name:    "copyin request of a string",
			message: CopyinRequest{Sequence: 7, Flags: FlagString, Address: 0xffffffffffffff00, Count: 4096},
			encoded: AppendCopyinRequest(nil, 7, 0xffffffffffffff00, 4096, FlagString),
			wire:    `03 04 0700 00100000 00ffffffffffffff`,
			size:    16,
		},
		{
			name:    "copyin reply with 1,024 bytes",
			message: CopyinReply{Sequence: 7, Address: 0x7ffe12345678, Data: kilobyte},
			encoded: AppendCopyinReply(nil, 7, 0x7ffe12345678, 0, kilobyte),
			wire: `
				04 00 0700
				00040000            # length
				78563412fe7f0000    # address
				` + strings.Repeat("a5", 1024),
			size: 1040,
		},
		{
			name:    "copyin reply that ends at a fault",
			message: CopyinReply{Sequence: 7, Flags: FlagFault, Address: 0x1ffe, Data: []byte{1, 2}},
			encoded: AppendCopyinReply(nil, 7, 0x1ffe, FlagFault, []byte{1, 2}),
			wire:    `04 08 0700 02000000 fe1f000000000000 0102`,
			size:    18,
		},
		{
			name:    "copyout",
			message: Copyout{Sequence: 7, Address: 0x2000, Data: []byte{1, 2, 3}},
			encoded: AppendCopyout(nil, 7, 0x2000, []byte{1, 2, 3}),
			wire:    `05 00 0700 03000000 0020000000000000 010203`,
			size:    19,
		},
		{
			name:    "copyout reply",
			message: CopyoutReply{Sequence: 7, Address: 0x2000},
			encoded: AppendCopyoutReply(nil, 7, 0x2000, 0),
			wire:    `06 00 0700 00000000 0020000000000000`,
			size:    16,
		},
		{
			name:    "copyout reply, fault",
			message: CopyoutReply{Sequence: 7, Flags: FlagFault, Address: 0x2000},
			encoded: AppendCopyoutReply(nil, 7, 0x2000, FlagFault),
			wire:    `06 08 0700 00000000 0020000000000000`,
			size:    16,
		},
		{
			name:    "page-in request",
			message: PageinRequest{Sequence: 7, Address: 0x3000, Count: 65536},
			encoded: AppendPageinRequest(nil, 7, 0x3000, 65536),
			wire:    `07 00 0700 00000100 0030000000000000`,
			size:    16,
		},
		{
			name:    "page-in reply",
			message: PageinReply{Sequence: 7, Flags: FlagFault, Address: 0x3000, Data: []byte{0x7f}},
			encoded: AppendPageinReply(nil, 7, 0x3000, FlagFault, []byte{0x7f}),
			wire:    `08 08 0700 01000000 0030000000000000 7f`,
			size:    17,
		},
		{
			name:    "transaction request",
			message: TransactionRequest{Sequence: 0x1234},
			encoded: AppendTransactionRequest(nil, 0x1234),
			wire:    `09 00 3412 00000000 0000000000000000`,
			size:    16,
		},
		{
			name:    "null request",
			message: NullRequest{Sequence: 0x1234},
			encoded: AppendNullRequest(nil, 0x1234),
			wire:    `0a 00 3412 00000000 0000000000000000`,
			size:    16,
		},
		{
			name:    "action: run the handler of SIGUSR1",
			message: Action{Sequence: 7, Signal: 10, Kind: ActionHandler, Siginfo: siginfo},
			encoded: AppendAction(nil, Action{Sequence: 7, Signal: 10, Kind: ActionHandler, Siginfo: siginfo}),
			wire: `
				0b 00 0700
				80000000    # length: a siginfo
				0a000000    # signal
				01000000    # kind: handler
				` + strings.Repeat("5a", 128),
			size: 144,
		},
		{
			name:    "action: stop",
			message: Action{Sequence: 7, Signal: 19, Kind: ActionStop, Siginfo: []byte{}},
			encoded: AppendAction(nil, Action{Sequence: 7, Signal: 19, Kind: ActionStop}),
			wire:    `0b 00 0700 00000000 13000000 03000000`,
			size:    16,
		},
		{
			name:    "terminate",
			message: Terminate{Sequence: 0x1234},
			encoded: AppendTerminate(nil, 0x1234),
			wire:    `0c 00 3412 00000000 0000000000000000`,
			size:    16,
		},
		{
			name:    "fault: SIGSEGV, SEGV_ACCERR",
			message: Fault{Sequence: 7, Address: 0xdeadbeef, Signal: 11, Code: 2},
			encoded: AppendFault(nil, Fault{Sequence: 7, Address: 0xdeadbeef, Signal: 11, Code: 2}),
			wire: `
				0d 00 0700
				08000000            # length
				efbeadde00000000    # address
				0b000000            # signal
				02000000            # code`,
			size: 24,
		},
		{
			name:    "create",
			message: Create{Sequence: 1, HomePID: 4711, Flags: CreateLazy, Node: "a", Command: "cat"},
			encoded: mustCreate(Create{Sequence: 1, HomePID: 4711, Flags: CreateLazy, Node: "a", Command: "cat"}),
			wire: `
				0e 00 0100
				0c000000       # length
				01000000       # version
				67120000       # home pid
				01000000       # create flags: lazy
				0100 61        # node
				0300 636174    # command`,
			size: 28,
		},
		{
			name:    "create: child of a body that forks",
			message: Create{Sequence: 1, HomePID: 4712, Flags: CreateFork, Parent: 4711, Node: "a"},
			encoded: mustCreate(Create{Sequence: 1, HomePID: 4712, Flags: CreateFork, Parent: 4711, Node: "a"}),
			wire: `
				0e 00 0100
				0d000000       # length
				01000000       # version
				68120000       # home pid
				02000000       # create flags: fork
				67120000       # parent
				0100 61        # node
				0000           # command`,
			size: 29,
		},
		{
			name:    "create with empty strings",
			message: Create{},
			encoded: mustCreate(Create{}),
			wire:    `0e 00 0000 08000000 01000000 00000000 00000000 0000 0000`,
			size:    24,
		},
		{
			name:    "created",
			message: Created{Sequence: 1},
			encoded: AppendCreated(nil, Created{Sequence: 1}),
			wire:    `0f 00 0100 00000000 01000000 00000000`,
			size:    16,
		},
		{
			name:    "created: not permitted",
			message: Created{Sequence: 1, Errno: 1, Text: "no"},
			encoded: AppendCreated(nil, Created{Sequence: 1, Errno: 1, Text: "no"}),
			wire:    `0f 00 0100 02000000 01000000 01000000 6e6f`,
			size:    18,
		},
		{
			name:    "map",
			message: Map{Sequence: 7, Address: 0x400000, Length: 0x123456789000, Protection: 5, Flags: 0x12, Kind: MapFile},
			encoded: AppendMap(nil, Map{
				Sequence: 7, Address: 0x400000, Length: 0x123456789000, Protection: 5, Flags: 0x12, Kind: MapFile,
			}),
			wire: `
				10 00 0700
				18000000            # length
				0000400000000000    # address
				0090785634120000    # map length
				05000000            # protection: PROT_READ|PROT_EXEC
				12000000            # map flags: MAP_PRIVATE|MAP_FIXED
				02000000            # kind: file
				00000000            # reserved`,
			size: 40,
		},
		{
			name:    "file version",
			message: FileVersion{Sequence: 7, Address: 0x400000, Offset: 0x3000, Version: [16]byte{1, 2, 15: 16}},
			encoded: AppendFileVersion(nil, FileVersion{Sequence: 7, Address: 0x400000, Offset: 0x3000, Version: [16]byte{1, 2, 15: 16}}),
			wire: `
				15 00 0700
				18000000                            # length
				0000400000000000                    # address
				0030000000000000                    # offset
				01020000000000000000000000000010    # version`,
			size: 40,
		},
		{
			name:    "start",
			message: startMessage(),
			encoded: func() []byte { s := startMessage(); return AppendStart(nil, &s) }(),
			wire: `
				11 00 0700
				74000000                              # length: 100 and 16
				0101000000000000                      # instruction pointer
				0201000000000000                      # stack pointer
				0301000000000000 0401000000000000     # start_brk, brk
				0501000000000000 0601000000000000     # start_code, end_code
				0701000000000000 0801000000000000     # start_data, end_data
				0901000000000000                      # start_stack
				0a01000000000000 0b01000000000000     # arg_start, arg_end
				0c01000000000000 0d01000000000000     # env_start, env_end
				10000000                              # auxv length
				0000000000000000 0000000000000000     # AT_NULL`,
			size: 132,
		},
		{
			name:    "reset",
			message: Reset{Sequence: 0x1234},
			encoded: AppendReset(nil, 0x1234),
			wire:    `12 00 3412 00000000 0000000000000000`,
			size:    16,
		},
		{
			name:    "exit(1)",
			message: Exit{Sequence: 7, Status: 0x100},
			encoded: AppendExit(nil, 7, 0x100),
			wire:    `13 00 0700 00000000 00010000 00000000`,
			size:    16,
		},
		{
			name:    "exited by SIGKILL",
			message: Exited{Sequence: 7, Status: 9},
			encoded: AppendExited(nil, 7, 9),
			wire:    `14 00 0700 00000000 09000000 00000000`,
			size:    16,
		},
	}
}

func mustCreate(c Create) []byte {
	b, err := AppendCreate(nil, c)
	if err != nil {
		panic(err)
	}
	return b
}

func startMessage() Start {
	return Start{
		Sequence: 7, InstructionPointer: 0x101, StackPointer: 0x102, StartBrk: 0x103, Brk: 0x104,
		StartCode: 0x105, EndCode: 0x106, StartData: 0x107, EndData: 0x108, StartStack: 0x109,
		ArgStart: 0x10a, ArgEnd: 0x10b, EnvStart: 0x10c, EnvEnd: 0x10d, AuxiliaryVector: make([]byte, AuxvEntryLen),
	}
}

func TestGolden(t *testing.T) {
	seen := map[Type]bool{}
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			wire := unhex(t, g.wire)
			seen[Header(wire).Type()] = true
			if len(wire) != g.size {
				t.Errorf("golden message has %d bytes, want %d", len(wire), g.size)
			}
			if diff := cmp.Diff(wire, g.encoded); diff != "" {
				t.Errorf("appended (-want +got):\n%s", diff)
			}
			if size, err := Size(wire[:HeaderLen]); err != nil || size != g.size {
				t.Errorf("Size = %d, %v, want %d", size, err, g.size)
			}
			if size := Header(wire).Size(); size != g.size {
				t.Errorf("Header.Size = %d, want %d", size, g.size)
			}
			got, err := parse(wire)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g.message, got); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
			// A message is appended behind what the buffer holds, and nothing before it changes.
			before := []byte{0xde, 0xad}
			again, err := encode(bytes.Clone(before), got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(before, wire...), again); diff != "" {
				t.Errorf("appended behind another (-want +got):\n%s", diff)
			}
		})
	}
	for n := range formats {
		if typ := Type(n); n != 0 && !seen[typ] {
			t.Errorf("no golden message of type %d, %v", n, typ)
		}
	}
}

// TestThesisSizes pins the sizes that the thesis gives (section 5.2), headers of IP and TCP included.
func TestThesisSizes(t *testing.T) {
	buf := uint64(0x7fff_0000_1000)
	for _, c := range []struct {
		name    string
		message []byte
		want    int
	}{
		{"request close", AppendRequest(nil, 1, 3, []uint64{3}, 0), 64},
		{"request close(-1)", AppendRequest(nil, 1, 3, []uint64{1<<64 - 1}, 0), 64},
		{"result", AppendResult(nil, 1, 0, 0, FlagTerminated), 68},
		{"request write", AppendRequest(nil, 1, 1, []uint64{1, buf, 1024}, 0), 72},
		{"copyin request", AppendCopyinRequest(nil, 1, buf, 1024, 0), 56},
		{"copyin reply", AppendCopyinReply(nil, 1, buf, 0, make([]byte, 1024)), 1080},
	} {
		if got := len(c.message) + ipTCPHeaders; got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}

// TestMessageNumbers pins the numbers: one that changes makes two versions of the program misunderstand each other.
func TestMessageNumbers(t *testing.T) {
	want := []string{
		1: "request", "result", "copyin request", "copyin reply", "copyout", "copyout reply", "page-in request",
		"page-in reply", "transaction request", "null request", "action", "terminate", "fault", "create", "created",
		"map", "start", "reset", "exit", "exited", "file version",
	}
	for n := 1; n < len(want); n++ {
		if got := Type(n).String(); got != want[n] {
			t.Errorf("type %d is %q, want %q", n, got, want[n])
		}
	}
	for _, n := range []int{0, len(want), 255} {
		if got, want := Type(n).String(), fmt.Sprintf("message type %d", n); got != want {
			t.Errorf("type %d is %q, want %q", n, got, want)
		}
	}
}
