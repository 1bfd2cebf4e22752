package command

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"deputy/deputynode/agent"
	"deputy/internal/engine"
)

func serveCommand() *cobra.Command {
	var cfg agent.Config
	var addresses, routes []string
	var capture string
	var level slog.Level
	host, _ := os.Hostname()
	cmd := &cobra.Command{
		Use:   "serve --iface INTERFACE",
		Short: "Be the agent of this node",
		Args:  cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&cfg.Interfaces, "iface", nil, "network interface to the other nodes (required); several for a gateway")
	flags.StringVar(&cfg.Node, "node", host, "name of this node")
	flags.StringArrayVar(&addresses, "address", nil, "our own address with its network, which the host must not have (default 10.x.y.z/8, made of the hardware address); with several interfaces one for each, in order")
	flags.StringArrayVar(&routes, "route", nil, "NETWORK=ADDRESS: the next hop to another network, such as 10.0.2.0/24=10.0.1.1; may be repeated")
	flags.BoolVar(&cfg.Forward, "forward", false, "be a gateway between the networks of several interfaces")
	flags.StringVar(&cfg.Backend, "link", "ring", "how frames are received: ring (shared memory) or packet (system calls)")
	flags.StringVar(&cfg.Impair, "impair", "", "impair what is sent, for tests: loss=1%,dup=..,reorder=..,corrupt=..,delay=..,jitter=..,rate=..,seed=..")
	flags.StringVar(&capture, "capture", "", "write all frames to this file (pcapng)")
	flags.DurationVar(&cfg.Spin, "spin", engine.DefaultSpin, "how long to look for frames before sleeping")
	flags.TextVar(&level, "log-level", slog.LevelInfo, "least level that is logged: DEBUG, INFO, WARN or ERROR")
	if err := cmd.MarkFlagRequired("iface"); err != nil {
		panic(err)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg.Control = socket(cmd)
		cfg.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
		if cfg.Spin == 0 {
			cfg.Spin = -time.Nanosecond // none, where zero would mean the default
		}
		for _, s := range addresses {
			address, err := agent.ParseAddress(s)
			if err != nil {
				return err
			}
			cfg.Addresses = append(cfg.Addresses, address)
		}
		for _, s := range routes {
			route, err := agent.ParseRoute(s)
			if err != nil {
				return err
			}
			cfg.Routes = append(cfg.Routes, route)
		}
		if capture != "" {
			file, err := os.Create(capture)
			if err != nil {
				return fmt.Errorf("capture: %w", err)
			}
			defer file.Close()
			cfg.Capture = io.Writer(file)
		}
		return agent.Run(cmd.Context(), cfg)
	}
	return cmd
}
