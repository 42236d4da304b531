package aplos_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

const start = 1_700_000_000_000

// executor is an executor over rows of its own, to which blocks come late.
type executor struct {
	*aplos.Executor
	config  aplos.Config
	rows    aplostest.Rows
	pending []aplos.Sealed // sealed and not in rows yet
	sum     []byte         // the commitment of the newest block in rows
	height  uint64         // its height
}

func newExecutor(t testing.TB, c *aplostest.Chain) *executor {
	t.Helper()
	genesis, err := aplos.Genesis(aplostest.Contracts(), c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	e := &executor{
		config: aplos.Config{Chain: c.ID, Contracts: aplostest.Contracts(), Verify: identity.Verify},
		rows:   aplostest.Rows{}, sum: genesis.Commitment,
	}
	e.rows.Apply(genesis.Writes)
	if err := e.restart(); err != nil {
		t.Fatal(err)
	}
	return e
}

// restart makes a new executor over the rows, as after a crash: what is not
// applied is lost and has to be executed again.
func (e *executor) restart() (err error) {
	e.pending = nil
	e.Executor, err = aplos.New(e.config, e.rows, e.height, e.sum)
	return err
}

// apply brings the oldest sealed blocks to the rows until only that many wait.
func (e *executor) apply(left int) {
	for len(e.pending) > left {
		s := e.pending[0]
		e.pending = e.pending[1:]
		e.rows.Apply(s.Writes)
		e.sum, e.height = s.Commitment, s.Height
		e.Applied(s.Height)
	}
}

// inBatches has the executor check signatures in batches, and believe those that
// it is told were checked, as a node's executor does.
func (e *executor) inBatches() *executor {
	verifier := identity.NewVerifier(4)
	e.config.VerifyAll = func(list []identity.Signed) []bool { return verifier.VerifyAll(list, rand.NewChaCha8([32]byte{})) }
	e.config.Checked, e.config.Members = identity.NewChecked(8), members.NewDecoded(3)
	return e
}

// world is a chain under test: two executors, of which the second is restarted
// at random and checks signatures in batches, and the model.
type world struct {
	*rapid.T
	chain    *aplostest.Chain
	calm     *executor
	restless *executor
	model    *model
	orders   []*order
	offset   uint64
	nonce    uint64
}

const (
	numNodes    = 4
	numAccounts = 5
)

func newWorld(tb testing.TB, t *rapid.T) *world {
	tb.Helper()
	w := &world{T: t}
	grants := []grant{
		{key: aplostest.DelegateKey(0), method: "token.transfer", expiry: start + 60_000},
		{key: aplostest.DelegateKey(1), method: "fl.CreateJob", expiry: start + 3_600_000},
	}
	w.chain = aplostest.New(tb, numNodes, numAccounts, start, func(g *ledger.Genesis) {
		for i := range grants {
			grants[i].member = g.Members[i].ID
			g.Delegates = append(g.Delegates, ledger.GenesisDelegate{
				Member: grants[i].member, Node: aplostest.NodeID(0), Key: grants[i].key.Public(),
				Methods: []string{grants[i].method}, Expiry: grants[i].expiry,
			})
		}
	})
	w.calm, w.restless = newExecutor(tb, w.chain), newExecutor(tb, w.chain).inBatches()
	if err := w.restless.restart(); err != nil {
		tb.Fatal(err)
	}
	w.model = &model{
		chain: w.chain.ID, maxTTL: w.chain.Genesis.Limits.MaxTTL, logTime: start, newest: map[ledger.ID]int64{},
		balances: map[ledger.ID]uint64{}, members: map[ledger.ID]*identity.Key{}, grants: grants, executed: map[ledger.Digest]bool{},
	}
	for i := range numNodes {
		w.model.newest[aplostest.NodeID(i)] = start
		w.model.members[aplostest.NodeID(i)] = aplostest.NodeKey(i)
	}
	for i := range numAccounts {
		w.model.balances[w.chain.Account(i)] = aplostest.Balance
		w.model.members[w.chain.Account(i)] = aplostest.AccountKey(i)
	}
	return w
}

// faults are the ways in which a transaction can be wrong, with how often.
var faults = []string{
	"", "", "", "", "", "again", "again", "self", "zero", "huge", "stranger", "expired", "far", "chain", "shard",
	"forged", "forged", "delegate", "delegate", "foreign key", "contract", "method", "arguments", "malformed",
}

// order makes a transaction.
func (w *world) order() *order {
	fault := rapid.SampledFrom(faults).Draw(w.T, "fault")
	if fault == "again" && len(w.orders) > 0 {
		return w.orders[rapid.IntRange(0, len(w.orders)-1).Draw(w.T, "which")]
	}
	from := rapid.IntRange(0, numAccounts-1).Draw(w.T, "from")
	to := rapid.IntRange(0, numAccounts-1).Draw(w.T, "to")
	o := &order{by: aplostest.AccountKey(from), amount: rapid.Uint64Range(0, aplostest.Balance*2).Draw(w.T, "amount")}
	expiry := w.model.logTime + rapid.Int64Range(0, w.model.maxTTL).Draw(w.T, "ttl")
	switch fault {
	case "self":
		to = from
	case "zero":
		o.amount = 0
	case "expired":
		expiry = w.model.logTime - rapid.Int64Range(1, 1000).Draw(w.T, "late")
	case "far":
		expiry = w.model.logTime + w.model.maxTTL + rapid.Int64Range(1, 1000).Draw(w.T, "early")
	}
	w.nonce++
	o.t, o.to = w.chain.Transaction(from, to, o.amount, w.nonce, expiry), w.chain.Account(to)
	switch fault {
	case "huge":
		o.huge = true
		most, _ := ledger.ParseAmount("115792089237316195423570985008687907853269984665640564039457584007913129639935")
		o.t.Args = w.chain.Encode(&token.Transfer{To: o.to, Amount: most})
	case "stranger":
		o.t.Sender = aplostest.Stranger(from)
	case "chain":
		o.t.Chain[0]++
	case "shard":
		o.t.Shard = 1
	case "delegate":
		o.by = aplostest.DelegateKey(rapid.IntRange(0, 1).Draw(w.T, "delegate"))
	case "foreign key":
		o.by = aplostest.AccountKey((from + 1) % numAccounts)
	case "contract":
		o.t.Contract = "lottery"
	case "method":
		o.t.Method = "melt"
	case "arguments":
		o.badArgs = true
		o.t.Args = append(o.t.Args, 0)
	}
	o.raw = w.chain.Sign(o.t, o.by)
	_, envelope, err := ledger.ParseTransaction(o.raw)
	if err != nil {
		w.Fatal(err)
	}
	o.id = envelope.ID(ledger.KindTransaction)
	w.orders = append(w.orders, o)
	switch fault {
	case "forged": // a copy with another signature; the true one stands in orders and may come later
		forged := *o
		forged.forged = true
		forged.raw = slices.Clone(o.raw)
		forged.raw[len(forged.raw)-1] ^= 1
		return &forged
	case "malformed":
		broken := order{malformed: true, raw: o.raw[:len(o.raw)-rapid.IntRange(1, 20).Draw(w.T, "cut")]}
		broken.id = ledger.Hash(broken.raw)
		return &broken
	}
	return o
}

// record draws a record and what both executors and the model must make of it.
func (w *world) record() []byte {
	node := rapid.IntRange(0, numNodes-1).Draw(w.T, "node")
	r := ledger.Record{Kind: ledger.RecordTransactions, Time: w.model.logTime + rapid.Int64Range(-5_000, 30_000).Draw(w.T, "time")}
	if node == 0 { // a minority that lies
		r.Time = rapid.SampledFrom([]int64{0, 1, r.Time, 1 << 60}).Draw(w.T, "lie")
	}
	orders := make([]*order, rapid.IntRange(1, 4).Draw(w.T, "transactions"))
	for i := range orders {
		orders[i] = w.order()
		r.Transactions = append(r.Transactions, orders[i].raw)
	}
	raw := w.chain.Record(node, r)
	skipped := rapid.SampledFrom([]string{"", "", "", "", "", "", "outside", "key", "signature", "epoch", "chain"}).Draw(w.T, "skip")
	r.Version, r.Chain, r.Node = ledger.Version, w.chain.ID, aplostest.NodeID(node)
	switch skipped {
	case "outside":
		r.Node = aplostest.Stranger(node)
		raw = w.chain.SignRecord(r, aplostest.NodeKey(node))
	case "key":
		raw = w.chain.SignRecord(r, aplostest.NodeKey((node+1)%numNodes))
	case "signature":
		raw[len(raw)-1] ^= 1
	case "epoch":
		r.Epoch = 1
		raw = w.chain.SignRecord(r, aplostest.NodeKey(node))
	case "chain":
		r.Chain[0]++
		raw = w.chain.SignRecord(r, aplostest.NodeKey(node))
	}
	w.execute(raw, node, r.Time, orders, skipped != "")
	return raw
}

// gatewaySaw has the restless executor believe some signatures that hold under
// the key they name.
func (w *world) gatewaySaw(orders []*order) {
	for _, o := range orders {
		if o.by == nil { // malformed
			continue
		}
		c := aplos.Read(o.raw)
		c.Signed.Key = o.by.Public()
		if rapid.Bool().Draw(w.T, "seen by the gateway") && identity.Verify(c.Signed.Key, c.Signed.Message, c.Signed.Signature) {
			w.restless.config.Checked.Put(c.ID, &c.Signed, &c.Transaction)
		}
	}
}

func (w *world) execute(raw []byte, node int, time int64, orders []*order, skipped bool) {
	got, err := w.calm.Execute(w.offset, raw)
	if err != nil {
		w.Fatal(err)
	}
	w.gatewaySaw(orders)
	again, err := w.restless.Execute(w.offset, raw)
	if err != nil {
		w.Fatal(err)
	}
	if !reflect.DeepEqual(got, again) {
		w.Fatalf("a restarted executor differs:\n%+v\n%+v", got, again)
	}
	w.offset++
	if (got.Skipped != nil) != skipped {
		w.Fatalf("record skipped: %t (%s), want %t", got.Skipped != nil, got.Reason, skipped)
	}
	if skipped {
		if *got.Skipped != ledger.Hash(raw) || len(got.Results) != 0 || got.LogTime != w.model.logTime {
			w.Fatalf("a skipped record did something: %+v", got)
		}
		return
	}
	w.model.clock(aplostest.NodeID(node), time)
	if got.LogTime != w.model.logTime {
		w.Fatalf("log time %d, want %d", got.LogTime, w.model.logTime)
	}
	for i, o := range orders {
		code, burnt := w.model.execute(o)
		r := got.Results[i]
		if r.Code != code || got.Burnt[i] != burnt || r.ID != o.id {
			w.Fatalf("transaction %d: %s %s burnt %t (%s), want %s %s burnt %t",
				i, r.ID.Short(), r.Code, got.Burnt[i], got.Details[i], o.id.Short(), code, burnt)
		}
		writes := code == ledger.CodeOK && o.amount > 0
		if writes == r.Writes.IsZero() || (code == ledger.CodeOK) != (len(r.Events) == 1) {
			w.Fatalf("transaction %d: %s with %d events and writes %s", i, code, len(r.Events), r.Writes.Short())
		}
	}
}

// seal ends the block at both executors and checks it.
func (w *world) seal() {
	a, err := w.calm.Seal()
	if err != nil {
		w.Fatal(err)
	}
	b, err := w.restless.Seal()
	if err != nil {
		w.Fatal(err)
	}
	if a.Height != b.Height || a.State != b.State || a.Group != b.Group || !sameWrites(a.Writes, b.Writes) {
		w.Fatalf("block %d: a restarted executor differs: %s and %s", a.Height, a.State, b.State)
	}
	w.calm.pending, w.restless.pending = append(w.calm.pending, a), append(w.restless.pending, b)
	w.calm.apply(rapid.IntRange(0, 3).Draw(w.T, "calm lag"))
	w.restless.apply(0)
	if rows := w.restless.rows; !bytes.Equal(rows.Commitment().Bytes(), a.Commitment) || rows.Commitment().Digest() != a.State {
		w.Fatalf("block %d: the commitment is not that of all rows", a.Height)
	}
	w.checkRows(w.restless.rows)
	if rapid.Bool().Draw(w.T, "restart") {
		if err := w.restless.restart(); err != nil {
			w.Fatal(err)
		}
	}
}

// checkRows checks what must hold of the state after each block.
func (w *world) checkRows(rows aplostest.Rows) {
	var sum uint64
	for account, want := range w.model.balances {
		got, err := token.Balance(rows, account)
		if err != nil {
			w.Fatal(err)
		}
		if got.Cmp(ledger.NewAmount(want)) != 0 {
			w.Fatalf("balance of %s is %s, want %d", account, got, want)
		}
		sum += want
	}
	if sum != numAccounts*aplostest.Balance {
		w.Fatalf("the supply is %d", sum)
	}
	kept := map[ledger.Digest]bool{}
	for k, v := range rows {
		if strings.HasPrefix(string(k), "sys/executed/") {
			for v = v[8:]; len(v) > 0; v = v[32:] { // behind the latest expiry
				kept[ledger.Digest(v[:32])] = true
			}
		}
	}
	for _, o := range w.orders {
		if w.model.executed[o.id] && o.t.Expiry >= w.model.logTime && !kept[o.id] {
			w.Fatalf("the id %s is forgotten before it expires", o.id.Short())
		}
	}
}

// TestAgainstModel executes random records at an executor, at one restarted at
// random block boundaries, and at the naive model.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, r)
		for range rapid.IntRange(1, 8).Draw(r, "blocks") {
			for range rapid.IntRange(0, 5).Draw(r, "records") {
				w.record()
			}
			w.seal()
			w.scans()
		}
	})
}

// scans lists both executors, one with layers above its rows, one without.
func (w *world) scans() {
	prefix := contract.Key(rapid.SampledFrom([]string{"", "token/", "token/balance/", "sys/", "none/"}).Draw(w.T, "prefix"))
	after, limit := contract.Key(""), rapid.IntRange(1, 6).Draw(w.T, "limit")
	for {
		got, err := w.calm.Scan(prefix, after, limit)
		if err != nil {
			w.Fatal(err)
		}
		want, _ := w.restless.rows.Scan(prefix, after, limit)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			w.Fatalf("scan of %q after %q, %d rows:\n%q\nwant\n%q", prefix, after, limit, got, want)
		}
		if len(want) < limit {
			return
		}
		after = want[limit-1].Key
	}
}

// TestExecutedRowsAreDeleted checks that ids are forgotten once they expired.
func TestExecutedRowsAreDeleted(t *testing.T) {
	t.Parallel()
	c := aplostest.New(t, 1, 2, start, nil)
	e := newExecutor(t, c)
	row := func(height uint64) contract.Key {
		return contract.Key(binary.BigEndian.AppendUint64([]byte("sys/executed/"), height))
	}
	now := int64(start)
	var first []byte
	for height := uint64(1); height <= 40; height++ {
		now += 1000
		raw := c.Transfer(0, 1, 1, height, now+10_000)
		if first == nil {
			first = raw
		}
		executed, err := e.Execute(height-1, c.Record(0, ledger.Record{
			Kind: ledger.RecordTransactions, Time: now, Transactions: [][]byte{raw, first},
		}))
		if err != nil {
			t.Fatal(err)
		}
		want := contract.CodeReplayed
		if height > 11 {
			want = contract.CodeExpired // forgotten, and refused all the same
		}
		if got := executed.Results[1].Code; got != want {
			t.Errorf("block %d: the first transaction again: %s, want %s", height, got, want)
		}
		sealed, err := e.Seal()
		if err != nil {
			t.Fatal(err)
		}
		e.pending = append(e.pending, sealed)
		e.apply(0)
		rows, _ := e.rows.Scan("sys/executed/", "", 100)
		if want := int(min(height, 11)); len(rows) != want {
			t.Fatalf("block %d: %d rows of executed ids, want %d", height, len(rows), want)
		}
		if _, ok, _ := e.Get(row(height)); !ok {
			t.Fatalf("block %d: its own ids are not kept", height)
		}
	}
}
