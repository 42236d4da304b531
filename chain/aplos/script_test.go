package aplos_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestScripts runs the stories of testdata. Times are ms after the genesis.
// Commands:
//
//	chain [nodes=N] [accounts=N] [delegate=METHOD until=MS] [officer]  delegate key 0 signs for account 0, an officer with officer
//	propose NAME height=H expiry=MS [add=N] [remove=N] [rotate=N] [limit=N] [protocol=N]  by account 0, for nodes; rotated to the key ten on
//	group                                  who signs the block being made, and under which limits
//	tx NAME from=N to=N amount=N expiry=MS [key=own|delegate|other|stranger] [method=M] [contract=C] [chain=other] [forged]
//	record node=N at=MS [kind=wake|clock] [signer=N] [epoch=N]   one name of a transaction a line
//	seal [lag]                             ends the block; with lag its writes stay above the rows
//	restart                                a new executor over the rows
//	rows prefix=P
//	balances
func TestScripts(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		t.Helper()
		var s *story
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			if d.Cmd == "chain" {
				s = newStory(t, d)
				return ""
			}
			s.T = t
			return s.run(d)
		})
	})
}

type story struct {
	*testing.T
	chain  *aplostest.Chain
	exec   *executor
	names  map[string][]byte
	offset uint64
}

func newStory(t *testing.T, d *datadriven.TestData) *story {
	t.Helper()
	nodes, accounts, method, until := 4, 3, "", 0
	d.MaybeScanArgs(t, "nodes", &nodes)
	d.MaybeScanArgs(t, "accounts", &accounts)
	d.MaybeScanArgs(t, "delegate", &method)
	d.MaybeScanArgs(t, "until", &until)
	c := aplostest.New(t, nodes, accounts, start, func(g *ledger.Genesis) {
		if d.HasArg("officer") {
			g.Members[0].Roles = []string{identity.RoleOfficer}
		}
		if method != "" {
			g.Delegates = append(g.Delegates, ledger.GenesisDelegate{
				Member: g.Members[0].ID, Node: aplostest.NodeID(0), Key: aplostest.DelegateKey(0).Public(),
				Methods: []string{method}, Expiry: start + int64(until),
			})
		}
	})
	return &story{T: t, chain: c, exec: newExecutor(t, c), names: map[string][]byte{}}
}

func (s *story) run(d *datadriven.TestData) string {
	s.Helper()
	switch d.Cmd {
	case "tx":
		return s.tx(d)
	case "propose":
		return s.propose(d)
	case "group":
		return s.group()
	case "record":
		return s.record(d)
	case "seal":
		sealed, err := s.exec.Seal()
		if errors.Is(err, aplos.ErrProtocol) {
			return "the node stops: " + err.Error() + "\n"
		}
		if err != nil {
			s.Fatal(err)
		}
		s.exec.pending = append(s.exec.pending, sealed)
		if !d.HasArg("lag") {
			s.exec.apply(0)
		}
		var out strings.Builder
		fmt.Fprintf(&out, "block %d: %d writes, state %s\n", sealed.Height, len(sealed.Writes), sealed.State.Short())
		for _, w := range sealed.Writes {
			fmt.Fprintf(&out, "  %s%s\n", map[bool]string{true: "delete "}[w.Delete], s.key(string(w.Key)))
		}
		return out.String()
	case "restart":
		if err := s.exec.restart(); err != nil {
			return "error: " + err.Error() + "\n"
		}
		return ""
	case "rows":
		prefix := ""
		d.ScanArgs(s.T, "prefix", &prefix)
		rows, err := s.exec.rows.Scan("", "", 1000)
		if err != nil {
			s.Fatal(err)
		}
		var out strings.Builder
		for _, r := range rows {
			if strings.HasPrefix(string(r.Key), prefix) {
				fmt.Fprintf(&out, "%s: %d bytes\n", s.key(string(r.Key)), len(r.Value))
			}
		}
		return out.String()
	case "balances":
		var out strings.Builder
		for i := range s.chain.Genesis.Members {
			b, err := token.Balance(s.exec, s.chain.Account(i))
			if err != nil {
				s.Fatal(err)
			}
			fmt.Fprintf(&out, "%d: %s\n", i, b)
		}
		return out.String()
	default:
		s.Fatalf("unknown command %q", d.Cmd)
		return ""
	}
}

// key shows a row's key, with what is not text in hexadecimal digits.
func (s *story) key(k string) string {
	i := strings.LastIndexByte(k, '/')
	if strings.HasPrefix(k, "sys/executed/") {
		i = len("sys/executed/") - 1
	}
	for _, prefix := range []string{"governance/epoch/", "governance/proposal/", "identity/key/"} {
		if rest, ok := strings.CutPrefix(k, prefix); ok {
			return prefix + strings.TrimLeft(hex.EncodeToString([]byte(rest[:min(8, len(rest))])), "0")
		}
	}
	switch rest := k[i+1:]; {
	case len(k) == i+1+len(ledger.ID{}):
		for n := range s.chain.Genesis.Members {
			if id := s.chain.Account(n); rest == string(id[:]) {
				return k[:i+1] + "account-" + strconv.Itoa(n)
			}
		}
		return k[:i+1] + hex.EncodeToString([]byte(rest))
	case strings.HasPrefix(k, "sys/executed/"):
		return k[:i+1] + strings.TrimLeft(hex.EncodeToString([]byte(rest)), "0")
	}
	return strings.ToValidUTF8(k, "?")
}

func (s *story) tx(d *datadriven.TestData) string {
	var from, to, amount, expiry int
	key, method, contractName, chain := "own", "transfer", token.Name, ""
	for name, into := range map[string]any{"from": &from, "to": &to, "amount": &amount, "expiry": &expiry} {
		d.ScanArgs(s.T, name, into)
	}
	for name, into := range map[string]any{"key": &key, "method": &method, "contract": &contractName, "chain": &chain} {
		d.MaybeScanArgs(s.T, name, into)
	}
	name := d.CmdArgs[0].Key
	nonce := uint64(0)
	for _, c := range name { // so that a name stands for one transaction
		nonce = nonce<<8 | uint64(c)
	}
	t := s.chain.Transaction(from, to, uint64(amount), nonce, start+int64(expiry))
	t.Contract, t.Method = contractName, method
	if chain == "other" {
		t.Chain = ledger.Digest{1}
	}
	by := map[string]*identity.Key{
		"own": aplostest.AccountKey(from), "delegate": aplostest.DelegateKey(0),
		"other": aplostest.AccountKey(from + 1), "stranger": aplostest.DelegateKey(9),
	}[key]
	raw := s.chain.Sign(t, by)
	if d.HasArg("forged") {
		raw[len(raw)-1] ^= 1
	}
	s.names[name] = raw
	return ""
}

// propose makes a proposal of the one organisation's officer, which passes at
// once.
func (s *story) propose(d *datadriven.TestData) string {
	var height, expiry, n int
	d.ScanArgs(s.T, "height", &height)
	d.ScanArgs(s.T, "expiry", &expiry)
	organisation := s.chain.Genesis.Organisations[0].ID
	var a governance.Action
	switch {
	case d.HasArg("add"):
		d.ScanArgs(s.T, "add", &n)
		node, key := aplostest.NodeID(n), aplostest.NodeKey(n)
		a.AddNode = &governance.AddNode{Node: node, Organisation: organisation, Key: key.Public(), Proof: s.chain.Possession(organisation, node, key)}
	case d.HasArg("remove"):
		d.ScanArgs(s.T, "remove", &n)
		a.RemoveNode = &governance.RemoveNode{Node: aplostest.NodeID(n)}
	case d.HasArg("rotate"):
		d.ScanArgs(s.T, "rotate", &n)
		node, key := aplostest.NodeID(n), aplostest.NodeKey(10+n)
		a.RotateNodeKey = &governance.RotateNodeKey{Node: node, Organisation: organisation, Key: key.Public(), Proof: s.chain.Possession(organisation, node, key)}
	case d.HasArg("protocol"):
		d.ScanArgs(s.T, "protocol", &n)
		a.SetProtocol = &governance.SetProtocol{Version: uint64(n)}
	default:
		d.ScanArgs(s.T, "limit", &n)
		a.SetLimits = &governance.SetLimits{BlockTransactions: uint32(n), BlockBytes: 1 << 20, MaxTTL: 60_000}
	}
	name := d.CmdArgs[0].Key
	t := s.chain.Transaction(0, 0, 0, uint64(len(s.names)+1)<<32, start+int64(expiry))
	t.Contract, t.Method = governance.Name, governance.MethodPropose
	t.Args = s.chain.Encode(&governance.Propose{Action: a, Height: uint64(height), Expiry: start + int64(expiry)})
	s.names[name] = s.chain.Sign(t, aplostest.AccountKey(0))
	return ""
}

func (s *story) group() string {
	var out strings.Builder
	group, limits, clock := s.exec.Group(), s.exec.Limits(), s.exec.Clock()
	fmt.Fprintf(&out, "epoch %d, at most %d transactions a block\n", group.Epoch, limits.BlockTransactions)
	for i, n := range group.Nodes {
		number := int(n.Node[7]) - 1
		key := map[bool]string{true: "its first key", false: "another key"}[n.Key == aplostest.NodeKey(number).Public()]
		fmt.Fprintf(&out, "  node %d with %s, its time +%d\n", number, key, clock.Newest[i].Time-start)
	}
	return out.String()
}

func (s *story) record(d *datadriven.TestData) string {
	var node, at, epoch int
	kind := "transactions"
	d.ScanArgs(s.T, "node", &node)
	d.ScanArgs(s.T, "at", &at)
	d.MaybeScanArgs(s.T, "kind", &kind)
	d.MaybeScanArgs(s.T, "epoch", &epoch)
	signer := node
	d.MaybeScanArgs(s.T, "signer", &signer)
	r := ledger.Record{
		Version: ledger.Version, Chain: s.chain.ID, Epoch: uint64(epoch), Node: aplostest.NodeID(node),
		Time: start + int64(at),
		Kind: map[string]ledger.RecordKind{
			"transactions": ledger.RecordTransactions, "wake": ledger.RecordWake, "clock": ledger.RecordClock,
		}[kind],
	}
	names := strings.Fields(d.Input)
	for _, name := range names {
		raw, ok := s.names[name]
		if !ok {
			raw = []byte(name) // no transaction at all
		}
		r.Transactions = append(r.Transactions, raw)
	}
	executed, err := s.exec.Execute(s.offset, s.chain.SignRecord(r, aplostest.NodeKey(signer)))
	if err != nil {
		s.Fatal(err)
	}
	s.offset++
	var out strings.Builder
	if executed.Skipped != nil {
		return fmt.Sprintf("record %d skipped: %s\n", executed.Offset, executed.Reason)
	}
	fmt.Fprintf(&out, "record %d, log time +%d\n", executed.Offset, executed.LogTime-start)
	for i, result := range executed.Results {
		fmt.Fprintf(&out, "  %s %s: %s", result.Position, names[i], result.Code)
		if !executed.Burnt[i] {
			out.WriteString(", the id stays free")
		}
		out.WriteByte('\n')
	}
	return out.String()
}
