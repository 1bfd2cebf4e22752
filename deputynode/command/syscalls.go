package command

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"deputy/deputynode/syscalls"
)

// describedCall is a row of the call table as it is printed.
type describedCall struct {
	Number    uint32 `json:"number"`
	Name      string `json:"name"`
	Class     string `json:"class"`
	Prototype string `json:"prototype"`
	Errno     string `json:"errno,omitempty"` // what every call is answered with, instead of being made
	Why       string `json:"why,omitempty"`
}

func syscallsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "syscalls",
		Short: "List the system calls: which run at the body's node, which at home, which at both",
		Args:  cobra.NoArgs,
	}
	format := cmd.Flags().String("format", "text", "text, or json: one object a line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch *format {
		case "text":
			return writeCalls(cmd.OutOrStdout())
		case "json":
			encoder := json.NewEncoder(cmd.OutOrStdout())
			for _, r := range syscalls.Rows() {
				if err := encoder.Encode(describe(r)); err != nil {
					return err
				}
			}
			return nil
		}
		return fmt.Errorf("--format %q: %w", *format, errFormat)
	}
	return cmd
}

func describe(r *syscalls.Row) describedCall {
	d := describedCall{Number: r.Number, Name: r.Name, Class: r.Class.String(), Prototype: r.String(), Why: r.Note}
	if r.Errno != 0 {
		d.Errno = r.Errno.Error()
	}
	return d
}

// writeCalls writes the table, and below it how many calls there are of each class, here and in the thesis.
func writeCalls(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tCLASS\tCALL\tWHY")
	counts := map[syscalls.Class]int{}
	refused := 0
	for _, r := range syscalls.Rows() {
		why := r.Note
		if r.Errno != 0 {
			refused++
			why = "refused (" + r.Errno.Error() + "): " + why
		}
		counts[r.Class]++
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", r.Number, r.Class, r, why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d local, %d remote (%d of them refused), %d special; in the thesis 9, 133 and 4 of 146.\n"+
		"A call that is not listed is remote too, through the memory window.\n",
		counts[syscalls.Local], counts[syscalls.Remote], refused, counts[syscalls.Special])
	return err
}
