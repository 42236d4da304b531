package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/librum/librum/client"
)

// benchNode is the process that runs the node.
type benchNode struct {
	client  *client.Client
	process *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Reader
}

// startBenchNode starts the node of a configuration and waits until it takes
// transactions. Only the first node of a network knows the token.
func startBenchNode(ctx context.Context, configuration, token, profile string, progress io.Writer) (*benchNode, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	process := exec.CommandContext(ctx, self, "bench", "serve", "--config", configuration, "--cpu-profile", profile) //nolint:gosec // this program
	process.Stderr = progress
	n := &benchNode{process: process}
	if n.ask, err = process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n.answers = bufio.NewReader(out)
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	address, err := n.answers.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the node: %w", err), n.stop())
	}
	n.client, err = client.New(strings.TrimSpace(address), token, client.Options{HTTP: &http.Client{
		// As many as a stall leaves waiting: whoever asks at a fixed rate would make
		// and close connections ever after.
		Transport: &http.Transport{MaxIdleConnsPerHost: 4_096},
	}})
	if err == nil {
		err = retryReady(ctx, n.client)
	}
	if err != nil {
		return nil, errors.Join(err, n.stop())
	}
	return n, nil
}

// retryReady waits until the node takes transactions.
func retryReady(ctx context.Context, c *client.Client) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// stop ends the process and waits for it.
func (n *benchNode) stop() error {
	if n.client != nil {
		n.client.Close()
	}
	_ = n.ask.Close() // the process may have ended, which Wait tells
	if err := n.process.Wait(); err != nil {
		return fmt.Errorf("run the node: %w", err)
	}
	return nil
}

// kill ends the process in the middle of what it does.
func (n *benchNode) kill() error {
	n.client.Close()
	if err := n.process.Process.Kill(); err != nil {
		return fmt.Errorf("kill the node: %w", err)
	}
	_ = n.process.Wait() // it was killed
	return nil
}

// tell asks the process and returns its answer.
func (n *benchNode) tell(what string) ([]byte, error) {
	if _, err := io.WriteString(n.ask, what+"\n"); err != nil {
		return nil, fmt.Errorf("ask the node for its %s: %w", what, err)
	}
	line, err := n.answers.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("ask the node for its %s: %w", what, err)
	}
	return line, nil
}

func (n *benchNode) usage() (u benchUsage, err error) {
	line, err := n.tell(benchAskUsage)
	if err == nil {
		err = json.Unmarshal(line, &u)
	}
	return u, err
}

// settle waits until the node has executed all before an offset and has it in
// final blocks.
func (n *benchNode) settle(next uint64) error {
	_, err := n.tell(benchAskSettle + " " + strconv.FormatUint(next, 10))
	return err
}

// position returns the offset before which the node has executed all.
func (n *benchNode) position(ctx context.Context) (uint64, error) {
	status, err := n.client.Status(ctx)
	return status.Next, err
}
