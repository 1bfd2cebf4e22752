package report

import (
	"bytes"
	"testing"
)

func fixedComparison() *Comparison {
	c := &Comparison{
		Between: "between two network namespaces on this machine",
		Setup:   []Setting{{"machine", "a processor, 2 CPUs, Linux 6.1.0 x86_64"}, {"runs", "3 transfers"}},
		Rows: []Goodput{
			{Transport: TCPMod, Bytes: 1 << 20, Runs: 3, MBps: SpreadOf([]float64{900, 1000, 950}), Resent: 2},
			{Transport: RDP, Bytes: 1 << 20, Runs: 3, MBps: SpreadOf([]float64{700, 600, 650})},
			{Transport: KernelTCP, Bytes: 1 << 20, Runs: 2, MBps: SpreadOf([]float64{820, 840})},
		},
		Interrupted: true,
	}
	SetRatios(c.Rows)
	return c
}

func TestComparison(t *testing.T) {
	var text, lines bytes.Buffer
	if err := fixedComparison().WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := fixedComparison().WriteJSON(&lines); err != nil {
		t.Fatal(err)
	}
	golden(t, "comparison.txt", text.Bytes())
	golden(t, "comparison.json", lines.Bytes())
}

// Without the kernel's row there is nothing to compare with.
func TestNoRatio(t *testing.T) {
	rows := []Goodput{{Transport: TCPMod, MBps: SpreadOf([]float64{900})}}
	SetRatios(rows)
	if rows[0].VsKernel != 0 {
		t.Errorf("ratio %v to nothing", rows[0].VsKernel)
	}
}
