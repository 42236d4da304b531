package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// cheat is a lie that a demo tells to show how it is found out. It lives in the
// command: no node or peer has code that lies.
type cheat interface {
	// seats says who lies, and how.
	seats() localnet.Cheat
	// await waits until all that the network has to say of the lie is on the
	// ledger.
	await(ctx context.Context, scene *cheatScene) error
	// found says in words what happened. The error says what is missing where
	// the lie was not found out as documented.
	found(ctx context.Context, scene *cheatScene, say func(format string, args ...any)) error
}

// cheatScene is where a cheat takes place.
type cheatScene struct {
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

// cheats lists the lies by name; the job is the one that is lied about.
var cheats = map[string]func(spec *job.Spec) cheat{
	"aggregator": func(*job.Spec) cheat { return &cheatingAggregator{} },
	"peer":       func(spec *job.Spec) cheat { return &cheatingPeer{most: uint64(spec.MaxNumExamples)} }, // from 1
}

// cheatNames says what --cheat may be.
func cheatNames() string { return strings.Join(slices.Sorted(maps.Keys(cheats)), "|") }

// cheatHelp lists them for the demo's help.
func cheatHelp() string {
	return `
  --cheat aggregator the first node to coordinate publishes a wrong average
  --cheat peer       a peer signs a digest that is not its file's, claims too many
                     examples and submits twice`
}

// newRuleBreaker returns the lie or the breach of that name; the other is nil,
// or does nothing.
func newRuleBreaker(name string, spec *job.Spec) (cheat, *breach, error) {
	if begin, ok := cheats[name]; ok {
		return begin(spec), &breach{}, nil
	}
	b, err := newBreach(name)
	return nil, b, err
}

// tell prints what became of a lie, and returns whether it was found out as
// documented.
func tell(ctx context.Context, name string, c cheat, s *cheatScene, out io.Writer) *cheatResult {
	say(out, "\nWhat became of the cheat")
	var told []string
	err := c.found(ctx, s, func(format string, args ...any) {
		told = append(told, fmt.Sprintf(format, args...))
		say(out, "  %s", told[len(told)-1])
	})
	if err != nil {
		say(out, "  NOT found as documented: %v", err)
		return &cheatResult{Name: name, What: err.Error()}
	}
	say(out, "  Found as documented; all of it stands on the ledger.")
	return &cheatResult{Name: name, Found: true, What: strings.Join(told, " ")}
}
