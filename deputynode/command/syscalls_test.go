package command

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"deputy/deputynode/syscalls"
)

func TestSyscalls(t *testing.T) {
	var text, lines, stderr bytes.Buffer
	if status := Run(t.Context(), []string{"syscalls"}, nil, &text, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	for _, want := range []string{"special  fork()", "both sides fork", "refused (function not implemented): its ring makes calls that nobody sees",
		"in the thesis 9, 133 and 4 of 146."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in the table", want)
		}
	}
	if status := Run(t.Context(), []string{"syscalls", "--format", "json"}, nil, &lines, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	n := 0
	for d := json.NewDecoder(&lines); d.More(); n++ {
		var c describedCall
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		if r := syscalls.Lookup(c.Number); r == nil || r.Name != c.Name || r.Class.String() != c.Class {
			t.Errorf("%+v is not in the table", c)
		}
	}
	if n != len(syscalls.Rows()) {
		t.Errorf("%d calls listed of %d", n, len(syscalls.Rows()))
	}
	if status := Run(t.Context(), []string{"syscalls", "--format", "xml"}, nil, &text, &stderr); status != statusFailed {
		t.Errorf("a format that is none: status %d", status)
	}
}
