package round_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/librum/librum/aggregator"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
)

// TestScripts runs testdata/scripts/*: a fleet of nodes and peers, what befalls them,
// and what they make of it. Run with -rewrite and read the difference after a
// change.
func TestScripts(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		t.Helper()
		var f *fleet
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			if d.Cmd == "fleet" {
				f = beginFleet(t, d)
				return ""
			}
			f.log = nil
			command(t, d, f)
			if len(f.refused) > 0 {
				d.Fatalf(t, "the contract refused what Decide named: %v\n%s", f.refused, strings.Join(f.log, "\n"))
			}
			return strings.Join(append(f.log, ""), "\n")
		})
	})
}

func beginFleet(t *testing.T, d *datadriven.TestData) *fleet {
	t.Helper()
	spec, err := job.ParseYAML([]byte(d.Input))
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	nodes, peers := 4, 3
	d.MaybeScanArgs(t, "nodes", &nodes)
	d.MaybeScanArgs(t, "peers", &peers)
	f, err := newFleet(nodes, nodes, peers, spec)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return f
}

func command(t *testing.T, d *datadriven.TestData, f *fleet) {
	t.Helper()
	switch d.Cmd {
	case "run": // for a while, or until the job ends
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		if err := f.runUntil(f.ledger.Now + by.Milliseconds()); err != nil {
			d.Fatalf(t, "%v", err)
		}
		j := f.jobRow(t)
		f.note("job is %s, round %d, %d final", j.State, j.Round, j.Finals)
	case "pass": // log time passes while nobody acts
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		f.ledger.Now += by.Milliseconds()
	case "cancel":
		if _, err := f.call("alice", contracttest.ID("alice"), fl.MethodCancelJob, &fl.CancelJob{Job: f.job}); err != nil {
			d.Fatalf(t, "%v", err)
		}
	default:
		for _, a := range d.CmdArgs {
			befall(t, d, f, a.Key)
		}
	}
}

// befall changes a node or peer; "holder" is the node that holds the term.
func befall(t *testing.T, d *datadriven.TestData, f *fleet, name string) {
	t.Helper()
	if name == "holder" {
		term, ok, err := fl.LoadTerm(f.ledger, f.job)
		if err != nil || !ok {
			d.Fatalf(t, "no holder: %v", err)
		}
		name = f.names[term.Holder]
	}
	for _, n := range f.nodes {
		if n.name != name {
			continue
		}
		switch d.Cmd {
		case "kill":
			n.down = true
		case "restart":
			n.restart(f.ledger.Now)
		case "break":
			n.broken = true
		case "mute":
			n.mute = true
		case "speak":
			n.mute = false
		case "forget": // the secrets of its hash chains
			n.chains++
		case "lie":
			n.liar = true
		case "lose-files":
			clear(n.held)
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		f.note("%s: %s", d.Cmd, name)
		return
	}
	i := slices.IndexFunc(f.peers, func(p *peer) bool { return p.name == name })
	if i < 0 {
		d.Fatalf(t, "no node or peer %s", name)
	}
	p := f.peers[i]
	switch d.Cmd {
	case "offline":
		p.offline = true
	case "online":
		p.offline, p.silent = false, false
	case "silent":
		p.silent = true
	case "declines":
		p.declines = true
	case "nan":
		p.bad = aggregator.RefusedNaN
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	f.note("%s: %s", d.Cmd, name)
}
