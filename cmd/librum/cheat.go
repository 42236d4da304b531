package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// cheat is one way of breaking the rules that the demo shows being found out: a
// lie within a job, or a breach on the log, on a disk or among the nodes. It
// lives in the command: no node or peer has code that lies. The steps may be
// nil; what a cheat remembers between them is its own.
type cheat struct {
	name    string
	summary string
	seats   localnet.Cheat // who lies in the network, and how
	// begin runs while the network does, before the job is submitted.
	begin func(ctx context.Context, s *cheatScene) error
	// end runs while the network does, after the job has ended well and its
	// last block is final everywhere.
	end func(ctx context.Context, s *cheatScene) error
	// stopped runs when nothing runs any more, before all is verified.
	stopped func(ctx context.Context, s *cheatScene) error
	// found says, a sentence each, what shows the cheat, given what verification
	// says, or fails where it went unnoticed.
	found func(v *verifyResult) ([]string, error)
}

// cheatScene is where a cheat takes place.
type cheatScene struct {
	dir     localnet.Dir
	secrets localnet.Secrets
	out     io.Writer

	// Of the network while it runs, and of its job once it has ended.
	network *localnet.Network
	client  *client.Client
	job     ledger.Digest
}

// node names a node by its directory and its id.
func (s *cheatScene) node(id ledger.ID) string {
	for i, n := range s.network.Nodes {
		if n.ID() == id {
			return fmt.Sprintf("node-%d (%s)", i, id.Short())
		}
	}
	return "node " + id.Short()
}

// cheats lists the cheats that the demo knows, one constructor each, which is
// given the job.
func cheats() []func(*job.Spec) *cheat {
	return []func(*job.Spec) *cheat{aggregatorCheat, peerCheat, storageCheat, nodeCheat, gatewayCheat}
}

// newCheat returns the cheat of that name: one that does nothing for none.
func newCheat(name string, spec *job.Spec) (*cheat, error) {
	if name == "" {
		return &cheat{}, nil
	}
	for _, newOne := range cheats() {
		if c := newOne(spec); c.name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("--cheat is %s, not %q", cheatNames(), name)
}

// cheatNames lists their names for a flag's help.
func cheatNames() string {
	var names []string
	for _, newOne := range cheats() {
		names = append(names, newOne(&job.Spec{}).name)
	}
	return strings.Join(names, "|")
}

// cheatHelp lists them for the demo's help.
func cheatHelp() string {
	var help strings.Builder
	for _, newOne := range cheats() {
		c := newOne(&job.Spec{})
		fmt.Fprintf(&help, "\n  --cheat %-10s %s", c.name, c.summary)
	}
	return help.String()
}

// take takes a step of the cheat, if it has that one.
func (c *cheat) take(ctx context.Context, s *cheatScene, step func(context.Context, *cheatScene) error) error {
	if step == nil {
		return nil
	}
	if err := step(ctx, s); err != nil {
		return fmt.Errorf("cheat %s: %w", c.name, err)
	}
	return nil
}

// errUnnoticed is what a cheat that went unnoticed unwraps to.
var errUnnoticed = errors.New("the cheat went unnoticed")

// unnoticed returns an error that says what should have been seen.
func unnoticed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnnoticed, fmt.Sprintf(format, args...))
}

// cheatResult is what the demo prints about a cheat with --json.
type cheatResult struct {
	Name  string `json:"name"`
	Found bool   `json:"found"`
	What  string `json:"what"` // what shows it, or why it went unnoticed
}

// judge says whether the cheat was found; nil where there was none.
func (c *cheat) judge(v *verifyResult, out io.Writer) *cheatResult {
	if c.name == "" {
		return nil
	}
	say(out, "\nWhat became of the cheat (%s)", c.name)
	told, err := c.found(v)
	for _, sentence := range told {
		say(out, "  %s", sentence)
	}
	if err != nil {
		say(out, "  NOT found as documented: %v", err)
		return &cheatResult{Name: c.name, What: err.Error()}
	}
	say(out, "  Found as documented.")
	return &cheatResult{Name: c.name, Found: true, What: strings.Join(told, " ")}
}

// withinJob returns a lie within a job. What the ledger says of it is asked
// while the network still runs, and verification must find nothing wrong:
// tell says in sentences what happened, and fails where the lie was not found
// out as documented.
func withinJob(name, summary string, seats localnet.Cheat, tell func(context.Context, *cheatScene, func(string, ...any)) error) *cheat {
	var told []string
	var missing error
	return &cheat{
		name: name, summary: summary, seats: seats,
		end: func(ctx context.Context, s *cheatScene) error {
			missing = tell(ctx, s, func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) })
			return context.Cause(ctx)
		},
		found: func(v *verifyResult) ([]string, error) {
			switch {
			case missing != nil:
				return told, unnoticed("%v", missing)
			case !v.OK:
				return told, unnoticed("verification ends with %v", v.First)
			}
			return told, nil
		},
	}
}
