package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var toBody = regexp.MustCompile(`to the body: +\d+ messages, (\d+) bytes`)

// The second start of a program has no page sent; a file that has changed since is seen as it is now.
func TestPageCache(t *testing.T) {
	n := start(t, nil)
	file := filepath.Join(t.TempDir(), "mapped")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(file, old, old); err != nil { // as if nothing had happened; the time of change tells
			t.Fatal(err)
		}
	}
	show := fmt.Sprintf("import mmap; f = open(%q); print(mmap.mmap(f.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)[:])", file)
	sent := func(want string) int {
		t.Helper()
		got := run(t, n, "", "deputynode", "run", "--on", "b", "--stats", "--", "/usr/bin/python3", "-c", show)
		if got.Status != 0 || got.Stdout != want {
			t.Fatalf("%+v, want %q", got, want)
		}
		bytes, err := strconv.Atoi(toBody.FindStringSubmatch(got.Stderr)[1])
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	write("first")
	first := sent("b'first'\n")
	second := sent("b'first'\n")
	if second > first/10 {
		t.Errorf("%d bytes the first time, %d the second", first, second)
	}
	write("other")
	sent("b'other'\n")
}
