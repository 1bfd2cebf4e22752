package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deputy/deputynode/control"
)

func pingCommand() *cobra.Command {
	var count, size int
	var interval time.Duration
	var format string
	cmd := &cobra.Command{
		Use:   "ping NODE",
		Short: "Ask a node's IP for an echo, through the agents",
		Args:  cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.IntVar(&count, "count", 3, "how many times")
	flags.IntVar(&size, "size", 56, "bytes of data; more than the MTU goes in fragments")
	flags.DurationVar(&interval, "interval", 200*time.Millisecond, "time between two")
	flags.StringVar(&format, "format", "text", "text, or json: one object a line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if format != "text" && format != "json" {
			return fmt.Errorf("--format %q: %w", format, errFormat)
		}
		var lost error
		for i := range count {
			if i > 0 {
				select {
				case <-time.After(interval):
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				}
			}
			answer, err := control.Ask(socket(cmd), control.Request{Op: control.OpPing, On: args[0], Size: size})
			var refused *control.Refused
			switch {
			case errors.As(err, &refused): // this one is lost; the next may not be
				fmt.Fprintf(cmd.ErrOrStderr(), "deputynode: %v\n", err)
				lost = &failure{status: 1}
			case err != nil:
				return err
			case format == "json":
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(answer.Ping); err != nil {
					return err
				}
			default:
				p := answer.Ping
				fmt.Fprintf(cmd.OutOrStdout(), "%s (%s): %d bytes in %.1f µs\n", p.Node, p.Address, p.Bytes, p.Microseconds)
			}
		}
		return lost
	}
	return cmd
}
