package sim

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/matrix.txt anew")

// TestMatrix holds the table in the repository against the code: a change of it must be looked at, and written down.
func TestMatrix(t *testing.T) {
	const file = "testdata/matrix.txt"
	var got bytes.Buffer
	Matrix(&got)
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("the figures have changed (if for good reason: go test ./internal/sim -run Matrix -update):\n%s", diff)
	}
}
