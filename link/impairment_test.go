package link

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseImpairment(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Impairment
		out  string // of String, if not in
	}{
		{"", Impairment{}, ""},
		{"loss=1%", Impairment{Loss: 1}, ""},
		{"loss=0%", Impairment{}, "-"},
		{"loss=100%,dup=0.5%,reorder=1%,corrupt=0.1%,delay=100us,jitter=20us,rate=100mbit,seed=7", Impairment{
			Loss: 100, Duplicate: 0.5, Reorder: 1, Corrupt: 0.1,
			Delay: 100 * time.Microsecond, Jitter: 20 * time.Microsecond, Rate: 1e8, Seed: 7,
		}, "loss=100%,dup=0.5%,reorder=1%,corrupt=0.1%,delay=100µs,jitter=20µs,rate=100mbit,seed=7"},
		{" seed=18446744073709551615 , dup=1e-3%", Impairment{Seed: 1<<64 - 1, Duplicate: 0.001}, "dup=0.001%,seed=18446744073709551615"},
		{"rate=1500bit", Impairment{Rate: 1500}, ""},
		{"rate=1000kbit", Impairment{Rate: 1e6}, "rate=1mbit"},
		{"rate=10gbit", Impairment{Rate: 1e10}, ""},
		{"jitter=1ms,delay=1ms", Impairment{Delay: time.Millisecond, Jitter: time.Millisecond}, "delay=1ms,jitter=1ms"},
	} {
		got, err := ParseImpairment(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, diff)
		}
		out := tt.out
		switch out {
		case "":
			out = tt.in
		case "-":
			out = ""
		}
		if got.String() != out {
			t.Errorf("%q: String = %q, want %q", tt.in, got, out)
		}
	}
}

func TestParseImpairmentErrors(t *testing.T) {
	for in, part := range map[string]string{
		"loss":                      `"loss" is not of the form name=value`,
		",":                         "not of the form",
		"loss=1%,":                  "not of the form",
		"loss=1":                    "loss=1: want a percentage",
		"loss=":                     "want a percentage",
		"loss=%":                    "want a percentage",
		"loss=-1%":                  "want a percentage",
		"loss=100.1%":               "want a percentage",
		"dup=NaN%":                  "want a percentage",
		"reorder=Inf%":              "want a percentage",
		"corrupt=x%":                "want a percentage",
		"loss=1%,loss=2%":           "loss is given twice",
		"lost=1%":                   "lost=1%: unknown name (have loss, dup,",
		"Loss=1%":                   "unknown name",
		"delay=100":                 "delay=100: want a time",
		"delay=-1us":                "want a time",
		"delay=61s":                 "want a time from 0s to 1m0s",
		"jitter=1us":                "jitter=1µs: more than the delay of 0s",
		"delay=1us,jitter=2us":      "more than the delay of 1µs",
		"rate=100":                  "rate=100: want a whole number",
		"rate=0mbit":                "want a whole number above 0",
		"rate=1.5gbit":              "want a whole number",
		"rate=-1bit":                "want a whole number",
		"rate=gbit":                 "want a whole number",
		"rate=9223372037gbit":       "want a whole number",
		"seed=-1":                   "seed=-1: want a whole number",
		"seed=18446744073709551616": "want a whole number",
		"delay=1us jitter=1us":      "want a time",
		"loss=1%;dup=1%":            "want a percentage",
		"loss=1%\ndup=1%":           "want a percentage",
	} {
		im, err := ParseImpairment(in)
		if !errors.Is(err, ErrImpairment) || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: error %v, want one with %q", in, err, part)
		}
		if im != (Impairment{}) {
			t.Errorf("%q: an error and %v", in, im)
		}
	}
}

// FuzzParseImpairment checks that what is accepted is in range and survives printing.
func FuzzParseImpairment(f *testing.F) {
	f.Add("loss=1%,dup=0.5%,reorder=1%,corrupt=0.1%,delay=100us,jitter=20us,rate=100mbit,seed=7")
	f.Add("loss=-0%")
	f.Add("dup=0x1p-2%")
	f.Add("delay=1m,jitter=1ns,rate=9223372036gbit")
	f.Add("loss=1%,,dup=1%")
	f.Fuzz(func(t *testing.T, s string) {
		im, err := ParseImpairment(s)
		if err != nil {
			if !errors.Is(err, ErrImpairment) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		for _, p := range []Percent{im.Loss, im.Duplicate, im.Reorder, im.Corrupt} {
			if !(p >= 0 && p <= 100) {
				t.Errorf("%q: %v", s, p)
			}
		}
		if im.Delay < 0 || im.Delay > MaxDelay || im.Jitter < 0 || im.Jitter > im.Delay {
			t.Errorf("%q: delay %v, jitter %v", s, im.Delay, im.Jitter)
		}
		again, err := ParseImpairment(im.String())
		if err != nil || again != im {
			t.Errorf("%q is %+v, printed %q, read back as %+v, %v", s, im, im, again, err)
		}
	})
}
