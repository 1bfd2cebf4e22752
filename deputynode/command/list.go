package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"deputy/deputynode/control"
)

var errFormat = errors.New("want text or json")

// listCommand is a command that asks the agent and prints what it answers: a table, or one JSON object a line.
func listCommand[T any](use, short, op string, items func(*control.Response) []T, table func(w io.Writer, items []T)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	format := cmd.Flags().String("format", "text", "text, or json: one object a line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *format != "text" && *format != "json" {
			return fmt.Errorf("--format %q: %w", *format, errFormat)
		}
		answer, err := control.Ask(socket(cmd), control.Request{Op: op})
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if *format == "json" {
			encoder := json.NewEncoder(out)
			for _, item := range items(answer) {
				if err := encoder.Encode(item); err != nil {
					return err
				}
			}
			return nil
		}
		w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		table(w, items(answer))
		return w.Flush()
	}
	return cmd
}

func nodesCommand() *cobra.Command {
	return listCommand("nodes", "List the nodes of the network", control.OpNodes,
		func(r *control.Response) []control.Node { return r.Nodes },
		func(w io.Writer, nodes []control.Node) {
			fmt.Fprintln(w, "NODE\tADDRESS\tCPUS\tLOAD\tFREE\tBODIES\tHEARD")
			for _, n := range nodes {
				heard := fmt.Sprintf("%.1f s ago", n.SeenAgo)
				if n.Own {
					heard = "this node"
				}
				fmt.Fprintf(w, "%s\t%s\t%d\t%.2f\t%d MiB\t%d\t%s\n", n.Name, n.Address, n.Processors, n.Load, n.FreeMemory>>20, n.Bodies, heard)
			}
		})
}

func psCommand() *cobra.Command {
	return listCommand("ps", "List the processes of this node whose bodies are elsewhere", control.OpPS,
		func(r *control.Response) []control.Process { return r.PS },
		func(w io.Writer, processes []control.Process) {
			fmt.Fprintln(w, "PID\tNODE\tREMOTE\tSPECIAL\tUNKNOWN\tSENT\tRECEIVED\tTIME\tCOMMAND")
			for _, p := range processes {
				fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%d\t%d\t%d\t%.1f s\t%s\n", p.PID, p.Node, p.Calls["remote"], p.Calls["special"],
					p.Calls["unknown"], p.Sent.Bytes, p.Received.Bytes, p.Seconds, p.Command)
			}
		})
}
