package testnet

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// gatewayName is the name of the node between the networks, where there are several.
const gatewayName = "g"

// attachment is an interface of a node on one of the networks.
type attachment struct {
	node    *node
	network int    // counted from 0
	iface   string // on the node
	port    string // on the bridge, where there is one
	number  int    // its own, for the hardware address
}

// attach says which interfaces the nodes have. Nodes take turns on the networks: a on the first, b on the second. The
// gateway, the last node, has an interface on each.
func (n *Net) attach(networks int) {
	for i, nd := range n.nodes {
		if nd.name != gatewayName || networks == 1 {
			n.attached = append(n.attached, attachment{node: nd, network: i % networks, iface: Interface, port: nd.name, number: i})
			continue
		}
		for k := range networks {
			iface := fmt.Sprintf("eth%d", k)
			n.attached = append(n.attached, attachment{node: nd, network: k, iface: iface, port: nd.name + "-" + iface, number: i + k})
		}
	}
	n.networks = networks
}

// bringUpOthers brings the interfaces of the gateway up but its first. The host's IP stack has no address there.
func (n *Net) bringUpOthers() error {
	for _, at := range n.attached {
		if at.iface == Interface {
			continue
		}
		err := at.node.thread.do(func() error {
			eth, err := netlink.LinkByName(at.iface)
			if err != nil {
				return err
			}
			return netlink.LinkSetUp(eth)
		})
		if err != nil {
			return fmt.Errorf("node %s: bringing %s up: %w", at.node.name, at.iface, err)
		}
	}
	return nil
}

// agentNetwork is network k, counted from 0, as the agents have it: 10.0.1.0/24, 10.0.2.0/24, ...
func agentNetwork(k int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(k + 1), 0}), 24)
}

// agentAddr is the address with its network that the agent of node i has on network k; the gateway is host 1.
func agentAddr(k, i int, isGateway bool) netip.Prefix {
	a := agentNetwork(k).Addr().As4()
	if a[3] = 1; !isGateway {
		a[3] = byte(i + 2)
	}
	return netip.PrefixFrom(netip.AddrFrom4(a), agentNetwork(k).Bits())
}

// networkArgs is what makes an agent find its way where there are several networks: addresses, the gateway's interfaces,
// and the others' routes through it.
func (n *Net) networkArgs(nd *node) []string {
	if n.networks == 1 {
		return nil
	}
	var args []string
	isGateway := nd.name == gatewayName
	for _, at := range n.attached {
		if at.node != nd {
			continue
		}
		if at.iface != Interface {
			args = append(args, "--iface", at.iface)
		}
		args = append(args, "--address", agentAddr(at.network, nd.index/n.networks, isGateway).String())
		for k := range n.networks {
			if k != at.network && !isGateway {
				args = append(args, "--route", fmt.Sprintf("%s=%s", agentNetwork(k), agentAddr(at.network, 0, true).Addr()))
			}
		}
	}
	if isGateway {
		args = append(args, "--forward")
	}
	return args
}
