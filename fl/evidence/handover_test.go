package evidence_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/evidence"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/localnet"
)

// chained makes blocks that nobody executed, to have a group change under a
// job's feet: it is created in one epoch and cancelled in the next.
type chained struct {
	*testing.T

	secrets  localnet.Secrets
	genesis  *ledger.Genesis
	file     []byte
	job      ledger.Digest
	recorder *evidence.Recorder
	previous ledger.Digest
	height   uint64
}

func newChained(t *testing.T) *chained {
	t.Helper()
	c := &chained{T: t, secrets: localnet.SecretsFromSeed(9)}
	var err error
	if c.genesis, err = localnet.NewGenesis(c.secrets, localnet.Spec{Nodes: 4, Time: time.UnixMilli(1_700_000_000_000)}); err != nil {
		t.Fatal(err)
	}
	if c.file, err = ledger.Encode(c.genesis); err != nil {
		t.Fatal(err)
	}
	c.previous = ledger.Hash(c.file)
	c.job = fl.JobID(c.secrets.ID(localnet.KindMember, 0), []byte("job"))
	c.recorder = evidence.NewRecorder(c.job, spool(t))
	return c
}

// block adds a block with one transaction of the job, signed by nodes of the
// group whose keys are given.
func (c *chained) block(group, next *ledger.Group, keys map[ledger.ID]*identity.Key, method, event string, state job.State) {
	c.Helper()
	spec := job.Defaults()
	training := train.DigitsSpec()
	training.ToJob(&spec)
	row, err := ledger.Encode(&fl.Job{Spec: spec, State: state})
	if err != nil {
		c.Fatal(err)
	}
	writes := []ledger.Write{{Key: []byte(fl.JobRow(c.job)), Value: row}}
	key := c.secrets.Key(localnet.KindMember, 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: ledger.Hash(c.file), Sender: c.secrets.ID(localnet.KindMember, 0),
		Contract: fl.Name, Method: method, Args: []byte{0xa0}, Nonce: [16]byte{byte(c.height)}, Expiry: 1,
	}
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		c.Fatal(err)
	}
	data, err := ledger.Encode(map[string]ledger.Digest{"job": c.job})
	if err != nil {
		c.Fatal(err)
	}
	result := ledger.Result{ID: e.ID(ledger.KindTransaction), Code: ledger.CodeOK, Events: []ledger.Event{{Type: event, Data: data}}}
	if result.Writes, err = ledger.WritesDigest(writes); err != nil {
		c.Fatal(err)
	}
	leaf, err := ledger.Encode(&result)
	if err != nil {
		c.Fatal(err)
	}
	c.height++
	header := ledger.Header{
		Version: ledger.Version, Chain: ledger.Hash(c.file), Epoch: group.Epoch, Height: c.height, Previous: c.previous,
		Transactions: ledger.MerkleRoot([][]byte{e.Bytes()}), Results: ledger.MerkleRoot([][]byte{leaf}), LogTime: int64(c.height),
	}
	if header.Group, err = next.Digest(); err != nil {
		c.Fatal(err)
	}
	raw, err := header.Bytes()
	if err != nil {
		c.Fatal(err)
	}
	c.previous = ledger.Hash(raw)
	b := evidence.Executed{
		Height: c.height, Header: raw, Results: []ledger.Result{result}, Transactions: [][]byte{e.Bytes()},
		Writes: [][]ledger.Write{writes}, Final: true, Next: *next,
	}
	for _, n := range group.Nodes {
		if k := keys[n.Node]; k != nil {
			b.Signatures = append(b.Signatures, ledger.SignHeader(c.height, raw, n.Node, k.ID(), k.Sign))
		}
	}
	if err := c.recorder.Add(&b); err != nil {
		c.Fatal(err)
	}
}

// pair has a job over two epochs: the second group has another key for each
// node, so that the genesis alone tells nothing of it.
func (c *chained) pair(strangers bool) []byte {
	c.Helper()
	first, second := map[ledger.ID]*identity.Key{}, map[ledger.ID]*identity.Key{}
	next := ledger.Group{Epoch: 1, Nodes: slices.Clone(c.genesis.Group.Nodes)}
	for i := range 4 {
		first[c.secrets.ID(localnet.KindNode, i)] = c.secrets.Key(localnet.KindNode, i)
	}
	for i := range next.Nodes {
		key := c.secrets.Key("next", i)
		next.Nodes[i].Key = key.Public()
		second[next.Nodes[i].Node] = key
	}
	if strangers { // those who were the group before go on
		second = first
	}
	c.block(&c.genesis.Group, &next, first, fl.MethodCreateJob, fl.EventJobCreated, job.StateWaiting)
	c.block(&next, &next, second, fl.MethodCancelJob, fl.EventJobCancelled, job.StateCancelled)
	var out bytes.Buffer
	if err := c.recorder.Write(c.Context(), &out, c.file, &evidence.Reads{}); err != nil {
		c.Fatal(err)
	}
	return out.Bytes()
}

// TestHandover holds that the genesis digest is enough across a change of the
// group, and that the old group's word ends with it.
func TestHandover(t *testing.T) {
	t.Parallel()
	c := newChained(t)
	b := c.pair(false)
	r, err := check(t, b, evidence.Input{Genesis: ledger.Hash(c.file)})
	if !right(r, err) || r.Blocks != 2 || r.Transactions != 2 || r.Signers != 4 {
		t.Fatalf("%+v, first %v, %v", r, r.First, err)
	}
	p := split(t, b)
	if len(p.head.Handovers) != 1 {
		t.Fatalf("%d handovers", len(p.head.Handovers))
	}
	p.head.Handovers = nil
	if r, err := check(t, p.join(t), evidence.Input{}); err != nil || kind(&r) != "groups" {
		t.Errorf("without the handover: %v, %v", r.First, err)
	}
	p = split(t, b)
	h := &p.head.Handovers[0]
	h.Signatures = h.Signatures[:2]
	if r, err := check(t, p.join(t), evidence.Input{}); err != nil || kind(&r) != "groups" {
		t.Errorf("a handover without a quorum: %v, %v", r.First, err)
	}
	if r, err := check(t, newChained(t).pair(true), evidence.Input{}); err != nil || kind(&r) != "signature" {
		t.Errorf("the old group goes on: %v, %v", r.First, err)
	}
}
