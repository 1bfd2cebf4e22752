package testnet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/pcapgo"

	"deputy/internal/testnet/agenttest"
)

// TestNetworks: nodes take turns on the networks, frames stay on theirs, and the agent of each node is told its place.
func TestNetworks(t *testing.T) {
	t.Setenv(agenttest.Nodes, "a b c g")
	var file bytes.Buffer
	n := start(t, Options{Nodes: 3, Networks: 2, BinDir: agentBinaries(t), Agents: true, Capture: &file})
	if diff := cmp.Diff([]string{"a", "b", "c", "g"}, n.Nodes()); diff != "" {
		t.Error(diff)
	}
	for node, want := range map[string]string{
		"a": "--address 10.0.1.2/24 --route 10.0.2.0/24=10.0.1.1",
		"b": "--address 10.0.2.2/24 --route 10.0.1.0/24=10.0.2.1",
		"c": "--address 10.0.1.3/24 --route 10.0.2.0/24=10.0.1.1",
		"g": "--address 10.0.1.1/24 --iface eth1 --address 10.0.2.1/24 --forward",
	} {
		args := strings.Fields(output(t, n, node, "cat "+agenttest.Folder+"/args"))
		want = "serve --iface eth0 --node " + node + " " + want
		if got := strings.Join(args, " "); got != want {
			t.Errorf("node %s: arguments of the agent %q, want %q", node, got, want)
		}
	}
	// The kernels of one network hear each other, and not those of the other.
	output(t, n, "a", "busybox ping -c 1 -W 5 "+n.KernelAddr("c").String())
	if out, err := n.Command("a", "busybox", "ping", "-c", "1", "-W", "1", n.KernelAddr("b").String()).CombinedOutput(); err == nil {
		t.Errorf("a reaches b without a gateway: %s", out)
	}
	if got := output(t, n, "g", "cat /sys/class/net/eth1/operstate"); got != "up\n" {
		t.Errorf("eth1 of g is %q", got)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for { // the interfaces are known once all frames have been read
		if _, _, err := reader.ReadPacketData(); err != nil {
			break
		}
	}
	var names []string
	for i := range reader.NInterfaces() {
		intf, err := reader.Interface(i)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, intf.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "g-eth0", "g-eth1"}, names); diff != "" {
		t.Errorf("interfaces of the capture: %s", diff)
	}
}
