package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"deputy/deputynode/control"
	"deputy/internal/testnet"
)

// TestAcrossGateway runs programs of a node on one network with their bodies on a node of another, through a third
// that is on both: figure 3.1 of the thesis. The gateway is a node like the others.
func TestAcrossGateway(t *testing.T) {
	n := startNet(t, testnet.Options{Networks: 2, AgentArgs: func(string) []string { return nil }})
	for _, transport := range []string{"tcpmod", "rdp"} {
		for _, node := range []string{"b", "g"} {
			got := run(t, n, "", "deputynode", "run", "--on", node, "--transport", transport, "--", "cat", "/node/name")
			if got != (outcome{Stdout: "a\n"}) {
				t.Errorf("on %s over %s: %+v", node, transport, got)
			}
		}
		large := strings.Repeat("a line through the gateway\n", 40_000)
		if got := run(t, n, large, "deputynode", "run", "--on", "b", "--transport", transport, "--", "cat"); got != (outcome{Stdout: large}) {
			t.Errorf("a megabyte over %s: status %d, %d bytes, %s", transport, got.Status, len(got.Stdout), got.Stderr)
		}
	}

	for node, want := range map[string]string{
		"a": "a (10.0.1.2): 20000 bytes in ", "b": "b (10.0.2.2): 20000 bytes in ", "g": "g (10.0.1.1): 20000 bytes in ",
	} {
		got := run(t, n, "", "deputynode", "ping", "--count", "2", "--interval", "0", "--size", "20000", node)
		if got.Status != 0 || got.Stderr != "" || strings.Count(got.Stdout, want) != 2 || strings.Count(got.Stdout, "\n") != 2 {
			t.Errorf("ping %s: %+v", node, got)
		}
	}
	if got := run(t, n, "", "deputynode", "ping", "--count", "1", "nobody"); got.Status != 1 || !strings.Contains(got.Stderr, `node "nobody" is not there`) {
		t.Errorf("ping of nobody: %+v", got)
	}

	got := run(t, n, "", "deputynode", "nodes", "--format", "json")
	addresses := map[string]string{}
	for decoder := json.NewDecoder(strings.NewReader(got.Stdout)); ; {
		var node control.Node
		if err := decoder.Decode(&node); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in %s", err, got.Stdout)
		}
		addresses[node.Name] = node.Address
	}
	for name, want := range map[string]string{"a": "10.0.1.2", "b": "10.0.2.2", "g": "10.0.1.1"} {
		if addresses[name] != want {
			t.Errorf("a knows %s at %q, want %s", name, addresses[name], want)
		}
	}
}

// TestServeRefuses: interfaces, addresses and routes that make no network.
func TestServeRefuses(t *testing.T) {
	n := startNet(t, testnet.Options{Networks: 2})
	for args, want := range map[string]string{
		"--iface eth0 --iface eth1":                                                       "--forward",
		"--iface eth0 --forward":                                                          "several interfaces",
		"--iface eth0 --iface eth1 --forward --address 10.0.1.1/24":                       "an address each",
		"--iface eth0 --address 10.0.1.1/24 --route 10.0.2.0/24":                          "not a route",
		"--iface eth0 --address 10.0.1.1/24 --route 10.0.2.0/24=10.0.3.1":                 "on no network",
		"--iface eth0 --address 10.0.1.1":                                                 "not an IPv4 address",
		"--iface eth0 --iface eth9 --forward --address 10.0.1.1/24 --address 10.0.2.1/24": "no such network interface",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := n.CommandContext(ctx, "g", "deputynode", append(strings.Fields("--control /run/other.sock serve"), strings.Fields(args)...)...).CombinedOutput()
		cancel()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("serve %s: %v, %s", args, err, out)
		}
	}
}
