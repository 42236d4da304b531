package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/librum/librum/localnet"
)

// breach is one way of breaking the rules of the ledger, on the log, on a disk or
// among the nodes, that the demo shows being found. The steps may be nil; what a
// breach remembers between them is its own.
type breach struct {
	name    string
	summary string
	// begin runs while the network does, before the job is submitted.
	begin func(ctx context.Context, s *breachScene) error
	// end runs while the network does, after the job has ended well and its
	// last block is final everywhere.
	end func(ctx context.Context, s *breachScene) error
	// stopped runs when nothing runs any more, before all is verified.
	stopped func(ctx context.Context, s *breachScene) error
	// found says what shows the cheat, or fails where it went unnoticed.
	found func(v *verifyResult) (string, error)
}

// breachScene is what a breach has to work with.
type breachScene struct {
	dir     localnet.Dir
	secrets localnet.Secrets
	network *localnet.Network // nil once it has stopped
	out     io.Writer
}

// breaches lists the breaches that the demo knows, one constructor each.
func breaches() []func() *breach {
	return []func() *breach{storageBreach, nodeBreach, gatewayBreach}
}

// errUnnoticed is what a cheat that went unnoticed unwraps to.
var errUnnoticed = errors.New("the cheat went unnoticed")

// unnoticed returns an error that says what should have been seen.
func unnoticed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnnoticed, fmt.Sprintf(format, args...))
}

// breachNames lists their names for a flag's help.
func breachNames() string {
	var names []string
	for _, newOne := range breaches() {
		names = append(names, newOne().name)
	}
	return strings.Join(names, "|")
}

// breachHelp lists them for the demo's help.
func breachHelp() string {
	var help strings.Builder
	for _, newOne := range breaches() {
		c := newOne()
		fmt.Fprintf(&help, "\n  --cheat %-10s %s", c.name, c.summary)
	}
	return help.String()
}

// newBreach returns the breach of that name: one that does nothing for none.
func newBreach(name string) (*breach, error) {
	if name == "" {
		return &breach{}, nil
	}
	for _, newOne := range breaches() {
		if c := newOne(); c.name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("--cheat is %s|%s, not %q", cheatNames(), breachNames(), name)
}

// cheatResult is what the demo prints about a cheat with --json.
type cheatResult struct {
	Name  string `json:"name"`
	Found bool   `json:"found"`
	What  string `json:"what"` // what shows it, or why it went unnoticed
}

// run takes a step of the cheat, if it has that one.
func (s *breachScene) run(ctx context.Context, c *breach, step func(context.Context, *breachScene) error) error {
	if step == nil {
		return nil
	}
	if err := step(ctx, s); err != nil {
		return fmt.Errorf("cheat %s: %w", c.name, err)
	}
	return nil
}

// judge says whether the cheat was found; nil where there was none.
func (c *breach) judge(v *verifyResult, out io.Writer) *cheatResult {
	if c.name == "" {
		return nil
	}
	what, err := c.found(v)
	result := &cheatResult{Name: c.name, Found: err == nil, What: what}
	if err != nil {
		result.What = err.Error()
		say(out, "\ncheat %s: NOT found: %v", c.name, err)
		return result
	}
	say(out, "\ncheat %s: found: %s", c.name, what)
	return result
}
