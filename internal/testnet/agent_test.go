package testnet

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"deputy/internal/testnet/agenttest"
)

// agentBinaries is a folder with the stand-in for the agent.
func agentBinaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := agenttest.Install(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAgents(t *testing.T) {
	t.Setenv(agenttest.Nodes, "a b c")
	var log bytes.Buffer
	n := start(t, Options{
		Nodes:     3,
		BinDir:    agentBinaries(t),
		Agents:    true,
		AgentArgs: func(node string) []string { return []string{"--link", "ring-" + node} },
		AgentLog:  &log,
	})
	for _, node := range n.Nodes() {
		want := "serve\n--iface\neth0\n--node\n" + node + "\n--link\nring-" + node + "\n"
		if got := output(t, n, node, "cat "+agenttest.Folder+"/args"); got != want {
			t.Errorf("node %s: arguments of the agent %q, want %q", node, got, want)
		}
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"a: agenttest: serving\n", "b: agenttest: serving\n", "c: agenttest: serving\n"} {
		if strings.Count(log.String(), line) != 1 {
			t.Errorf("log lacks %q:\n%s", line, &log)
		}
	}
}

func TestAgentFails(t *testing.T) {
	needRoot(t)
	t.Setenv(agenttest.Fail, "b")
	_, err := Start(t.Context(), Options{BinDir: agentBinaries(t), Agents: true})
	var agent *AgentError
	if !errors.As(err, &agent) {
		t.Fatalf("error %v, want an AgentError", err)
	}
	if agent.Node != "b" || !strings.Contains(agent.Log, agenttest.Complaint) || !strings.Contains(agent.Error(), "exit status 3") {
		t.Errorf("error %v of node %s with log %q", agent, agent.Node, agent.Log)
	}
}

func TestAgentMissing(t *testing.T) {
	needRoot(t)
	t.Setenv("PATH", "/usr/bin")
	_, err := Start(t.Context(), Options{BinDir: t.TempDir(), Agents: true})
	var agent *AgentError
	if !errors.As(err, &agent) || !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v, want an AgentError for exec.ErrNotFound", err)
	}
}

// TestAgentEndsEarly: Close tells of an agent that was not there any more.
func TestAgentEndsEarly(t *testing.T) {
	needRoot(t)
	n, err := Start(t.Context(), Options{BinDir: agentBinaries(t), Agents: true})
	if err != nil {
		t.Fatal(err)
	}
	output(t, n, "b", "kill $(cat "+agenttest.Folder+"/pid)")
	<-n.nodes[1].agent.done
	var agent *AgentError
	if err := n.Close(); !errors.As(err, &agent) || agent.Node != "b" {
		t.Errorf("Close: %v, want an AgentError of node b", err)
	}
}

func TestAgentLogKeepsTheEnd(t *testing.T) {
	var l agentLog
	for range agentLogLimit {
		l.Write([]byte("old"))
	}
	l.Write([]byte("the end"))
	if got := l.String(); len(got) != agentLogLimit || !strings.HasSuffix(got, "oldthe end") {
		t.Errorf("%d bytes that end in %q", len(got), got[max(0, len(got)-20):])
	}
}
