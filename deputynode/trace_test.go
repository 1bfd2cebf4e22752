package main

import (
	"regexp"
	"testing"
)

// A traced program does what it does otherwise; its calls, and those of its children and threads, are printed with what they
// returned and what they cost, and nothing is missed at the end.
func TestTrace(t *testing.T) {
	n := start(t, nil)
	program := []string{"sh", "-c", "cat /node/name; cat /no/such 2>&-; exit 3"}
	want := run(t, n, "", program[0], program[1:]...)
	got := run(t, n, "", "deputynode", append([]string{"run", "--on", "b", "--trace", "--"}, program...)...)
	if got.Stdout != want.Stdout || got.Status != want.Status {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, line := range []string{
		`(?m)^\[\d+\] openat\(-100, "/node/name", 0, 0\) += \d+ +remote, 2 messages, 28 B to and \d+ B from the body, \d+\.\d µs$`,
		`(?m)^\[\d+\] openat\(-100, "/no/such", 0, 0\) += -1 ENOENT \(no such file or directory\) +remote, 2 messages`,
		`(?m)^\[\d+\] v?fork\(\) += \d+ +special`,
		`(?m)^\[\d+\] execve\("/.*/cat", 0x[0-9a-f]+, 0x[0-9a-f]+\) += 0 +special`,
		`\] exit_group\(3\) += \? +special, 1 messages, 0 B to and 24 B from the body, \d+\.\d µs\n$`,
	} {
		if !regexp.MustCompile(line).MatchString(got.Stderr) {
			t.Errorf("no line as %s in\n%s", line, got.Stderr)
		}
	}
}
