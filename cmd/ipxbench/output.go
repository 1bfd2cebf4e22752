package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// printed is a report in both forms. Remarks are part of its text.
type printed interface {
	WriteText(io.Writer) error
	WriteJSON(io.Writer) error
	Remarks() []string
}

// write prints the report.
func write(cmd *cobra.Command, r printed, interrupted bool, format string) error {
	var err error
	if format == "json" {
		err = r.WriteJSON(cmd.OutOrStdout())
		for _, line := range r.Remarks() {
			fmt.Fprintf(cmd.ErrOrStderr(), "ipxbench: %s\n", line)
		}
	} else {
		err = r.WriteText(cmd.OutOrStdout())
	}
	if err == nil && interrupted {
		err = errInterrupted
	}
	return err
}
