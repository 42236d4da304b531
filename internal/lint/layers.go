package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// layer is one line of the table in ARCHITECTURE.md. Its units are folders;
// a package belongs to the unit with the longest matching path.
type layer struct {
	name  string
	units []string
	open  bool // packages inside one unit may import each other freely
}

// layers is the order of the code, top to bottom. Imports point down only, and
// units on one line do not import each other.
var layers = []layer{
	{name: "entry points", units: []string{"cmd", "test", "grafana-plugin"}, open: true},
	{name: "a network in one process", units: []string{"localnet"}},
	{name: "a node, wholly", units: []string{"fullnode"}, open: true},
	{name: "door", units: []string{"api", "client"}, open: true},
	{name: "a job in one file", units: []string{"fl/evidence"}},
	{name: "assembly", units: []string{"chain/ca", "chain/node", "chain/verify", "fl/coordinator", "fl/peer", "fl/verify", "search/indexer"}, open: true},
	{name: "a state in one file", units: []string{"chain/snapshot"}},
	{name: "a round's result", units: []string{"fl/recompute", "fl/aggregation"}},
	{name: "indexes", units: []string{"search/sqlite", "search/elastic"}},
	{name: "between nodes", units: []string{"chain/transport"}},
	{name: "stages", units: []string{
		"chain/order", "chain/aplos", "chain/lokka", "chain/store", "chain/blob", "chain/cert", "chain/keyfile", "chain/registry", "chain/shard",
		"fl/card", "fl/history", "fl/provenance", "fl/round", "fl/train", "search/query",
	}},
	{name: "documents for search", units: []string{"search/document"}},
	{name: "pure logic on pure logic", units: []string{"fl/contract", "fl/policy"}},
	{name: "what a job asks for", units: []string{"fl/job"}},
	{name: "who trains", units: []string{"fl/cohort"}},
	{name: "rules of averaging", units: []string{"aggregator/strategy"}},
	{name: "pure logic", units: []string{"chain/contract", "fl/privacy", "aggregator"}},
	{name: "data types", units: []string{"chain/ledger", "chain/identity", "aggregator/tensor", "aggregator/kernel", "api/v1", "fl/data"}},
	{name: "plumbing", units: []string{"internal"}, open: true},
}

// areas lists what each area may import of the others; an area that is not
// listed (api, client, localnet, cmd, test) may import any.
var areas = map[string][]string{
	"aggregator": {},
	"chain":      {},
	"fl":         {"aggregator", "chain/ledger", "chain/identity", "chain/contract", "chain/blob", "chain/transport"},
	"search":     {"chain/ledger", "chain/contract", "fl/contract", "fl/job"},
}

// sameLine are the imports inside one line that are meant: wire types have
// digests, ids and amounts in the ledger's text form, and a signature is
// checked over the ledger's types.
var sameLine = map[string]string{"api/v1": "chain/ledger", "chain/identity": "chain/ledger"}

// sameUnit are the imports between packages of one unit that are meant:
// organisations make and dismiss the members that no officer may, and what
// members hold depends on their standing.
var sameUnit = map[string][]string{
	"chain/contract/governance": {"chain/contract/identity"},
	"chain/contract/token":      {"chain/contract/identity", "chain/contract/asset"},
	"chain/contract/nft":        {"chain/contract/identity", "chain/contract/asset"},
}

// checkLayers reports imports that point upwards, sideways or into an area
// that is none of the importer's business, and folders that stand in no layer.
func checkLayers(t *Tree) []Finding {
	var findings []Finding
	for dir, files := range t.packages() {
		if !placed(dir) {
			findings = append(findings, Finding{Path: dir, Message: "stands in no layer; place it in the table of internal/lint/layers.go and of ARCHITECTURE.md"})
			continue
		}
		for _, f := range files {
			for _, spec := range f.Syntax.Imports {
				to, ok := strings.CutPrefix(importPath(spec), t.Module+"/")
				if !ok {
					continue
				}
				if message := judge(dir, to, f.Test); message != "" {
					message = fmt.Sprintf("imports %s: %s", to, message)
					findings = append(findings, Finding{Path: f.Path, Line: t.line(spec.Pos()), Message: message})
				}
			}
		}
	}
	return sorted(findings)
}

// judge says what is wrong with package from importing package to, in a test
// file or not; the empty string means nothing is.
func judge(from, to string, test bool) string {
	here, there := unitOf(from), unitOf(to)
	if !placed(to) {
		return "it stands in no layer; place it in the table of internal/lint/layers.go"
	}
	testing := test || isTestPackage(from)
	switch {
	case here == "" && !testing:
		return "the root holds only tests of documents; move the code into a folder of the table"
	case depth(there) == 0 && here != there:
		return fmt.Sprintf("nobody imports %s; move what is shared into a package below", there)
	case isTestPackage(to) && !testing && here != "test":
		return "test packages stay out of production code; import it from a _test.go file"
	case testing:
		return ""
	case here == there:
		return judgeInside(from, to, here)
	case sameLine[here] == there:
		return ""
	case depth(here) == depth(there):
		return fmt.Sprintf("%s and %s stand on one line (%s); declare the interface you need in %s and let the assembling package hand it in",
			here, there, layers[depth(here)].name, here)
	case depth(here) > depth(there):
		return fmt.Sprintf("%s (%s) stands above %s (%s); pass the value down as a parameter or an interface of %s",
			there, layers[depth(there)].name, here, layers[depth(here)].name, here)
	}
	return judgeArea(here, there)
}

// judgeInside judges imports between packages of one unit: a driver imports
// its stage, never the reverse, and drivers know nothing of each other. Go's
// own internal folders are their owner's business.
func judgeInside(from, to, unit string) string {
	switch {
	case layers[depth(unit)].open, within(from, to), slices.Contains(sameUnit[from], to), slices.Contains(strings.Split(to, "/"), "internal"):
		return ""
	case within(to, from):
		return fmt.Sprintf("a stage never imports its driver; declare the interface in %s and let the assembling package hand the driver in", from)
	}
	return fmt.Sprintf("drivers of %s do not import each other; move what they share into %s", unit, unit)
}

// judgeArea judges imports from one area into another.
func judgeArea(here, there string) string {
	area, restricted := areas[top(here)]
	if !restricted || top(here) == top(there) || top(there) == "internal" {
		return ""
	}
	if slices.ContainsFunc(area, func(allowed string) bool { return within(there, allowed) }) {
		return ""
	}
	if len(area) == 0 {
		return fmt.Sprintf("%s imports no other area; declare an interface in %s and wire it in cmd or test", top(here), here)
	}
	return fmt.Sprintf("of other areas %s imports only %s; declare an interface in %s and wire it in cmd or test",
		top(here), strings.Join(area, ", "), here)
}

// unitOf returns the unit with the longest path that holds dir, or "" if none.
func unitOf(dir string) string {
	best := ""
	for _, l := range layers {
		for _, unit := range l.units {
			if within(dir, unit) && len(unit) > len(best) {
				best = unit
			}
		}
	}
	return best
}

// placed reports whether the table says something about dir: the root holds
// only tests of documents, and fl/fltest stands beside the units of its area.
func placed(dir string) bool {
	return dir == "." || unitOf(dir) != "" || isTestPackage(dir)
}

// depth returns the index of the unit's layer, or the number of layers for
// what stands in none.
func depth(unit string) int {
	i := slices.IndexFunc(layers, func(l layer) bool { return slices.Contains(l.units, unit) })
	if i < 0 {
		return len(layers)
	}
	return i
}

// isTestPackage reports whether dir is a conformance suite or a simulated
// fleet: ordertest, storetest, fltest.
func isTestPackage(dir string) bool {
	base := path.Base(dir)
	return strings.HasSuffix(base, "test") && base != "test"
}

func top(unit string) string {
	area, _, _ := strings.Cut(unit, "/")
	return area
}
