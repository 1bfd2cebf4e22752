package closeprog

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// The file is one that other ELF readers understand, and its entry point is the program.
func TestImageIsELF(t *testing.T) {
	image, err := Image(10)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 {
		t.Errorf("header %+v", f.FileHeader)
	}
	text, data := f.Progs[0], f.Progs[1]
	if text.Flags != elf.PF_R|elf.PF_X || data.Flags != elf.PF_R|elf.PF_W {
		t.Errorf("flags of the segments: %v, %v", text.Flags, data.Flags)
	}
	if want := uint64(headerLen + 8*10); data.Memsz != want {
		t.Errorf("data segment of %d bytes, want %d", data.Memsz, want)
	}
	at := f.Entry - text.Vaddr
	if got := image[at:text.Filesz]; !bytes.Equal(got, code()) {
		t.Errorf("at the entry point stands %x, want %x", got, code())
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Off%pageLen != p.Vaddr%pageLen {
			t.Errorf("segment at file offset %#x cannot be mapped to %#x", p.Off, p.Vaddr)
		}
	}
}

func TestImageCount(t *testing.T) {
	for _, count := range []int{-1, 0, MaxCount + 1} {
		if _, err := Image(count); err == nil {
			t.Errorf("Image(%d): no error", count)
		}
	}
}

// run runs the program here, as a plain process.
func run(t *testing.T, count int) Result {
	t.Helper()
	image, err := Image(count)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "close")
	if err := os.WriteFile(name, image, 0o700); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(name)
	cmd.Stderr = &stderr
	out, err := cmd.Output() // a pipe: a long output takes several writes
	if err != nil {
		t.Fatalf("%v, output of %d bytes, %s", err, len(out), stderr.Bytes())
	}
	r, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunsLocally(t *testing.T) {
	const count = 30_000 // 240 kB of output, more than a pipe holds
	r := run(t, count)
	if len(r.Cycles) != count {
		t.Fatalf("%d samples, want %d", len(r.Cycles), count)
	}
	var sum time.Duration
	for _, c := range r.Cycles {
		sum += r.Duration(c)
	}
	if sum > r.Elapsed {
		t.Errorf("the calls took %v of a run of %v", sum, r.Elapsed)
	}
	median := slices.Sorted(slices.Values(r.Cycles))[count/2]
	t.Logf("local close(-1): median %v; counter at %.0f MHz", r.Duration(median), r.Frequency/1e6)
	if d := r.Duration(median); d < 10*time.Nanosecond || d > 100*time.Microsecond {
		t.Errorf("median of a local close(): %v", d)
	}
	if r.Frequency < 100e6 || r.Frequency > 10e9 {
		t.Errorf("counter at %v Hz", r.Frequency)
	}
}

func TestParseRefuses(t *testing.T) {
	good := make([]byte, headerLen+2*8)
	copy(good, magic)
	le := binary.LittleEndian
	le.PutUint64(good[8:], 2)     // count
	le.PutUint64(good[16:], 1)    // start: 1 s
	le.PutUint64(good[32:], 100)  // first
	le.PutUint64(good[40:], 2100) // last
	le.PutUint64(good[48:], 1)    // end: 1 s + 1 µs
	le.PutUint64(good[56:], 1000)
	le.PutUint64(good[64:], 7)
	le.PutUint64(good[72:], 9)
	r, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Cycles, []uint64{7, 9}) || r.Elapsed != time.Microsecond || r.Duration(2000) != time.Microsecond {
		t.Errorf("parsed %+v", r)
	}
	for _, test := range []struct {
		name string
		edit func(b []byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"header alone", func(b []byte) []byte { return b[:headerLen] }},
		{"short header", func(b []byte) []byte { return b[:headerLen-1] }},
		{"half a sample", func(b []byte) []byte { return b[:len(b)-4] }},
		{"more than announced", func(b []byte) []byte { return append(b, 0) }},
		{"other magic", func(b []byte) []byte { b[0] = 'C'; return b }},
		{"no samples", func(b []byte) []byte { le.PutUint64(b[8:], 0); return b[:headerLen] }},
		{"count that overflows", func(b []byte) []byte { le.PutUint64(b[8:], 1<<61); return b[:headerLen] }},
		{"clock backwards", func(b []byte) []byte { le.PutUint64(b[48:], 0); return b }},
		{"counter backwards", func(b []byte) []byte { le.PutUint64(b[40:], 1); return b }},
	} {
		if _, err := Parse(test.edit(bytes.Clone(good))); !errors.Is(err, ErrOutput) {
			t.Errorf("%s: error %v, want ErrOutput", test.name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	b := make([]byte, headerLen+8)
	copy(b, magic)
	b[8], b[40], b[56] = 1, 1, 1
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := Parse(b); err == nil && len(b) != headerLen+8*len(r.Cycles) {
			t.Errorf("%d samples from %d bytes", len(r.Cycles), len(b))
		}
	})
}
