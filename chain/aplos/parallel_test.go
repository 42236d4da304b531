package aplos_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// mix is the arguments of the board's method mix: rows by number.
type mix struct {
	Reads  []byte `cbor:"reads"`
	Writes []byte `cbor:"writes"`
	Stray  []byte `cbor:"stray"` // read although the footprint leaves them out
	Fail   bool   `cbor:"fail"`
}

func boardRow(n byte) contract.Key { return contract.Key(fmt.Sprintf("board/row/%d", n)) }

// board is a contract whose rows depend on everything that was executed before:
// mix writes the digest of all it reads.
func board() contract.Contract {
	rows := func(numbers []byte) (keys []contract.Key) {
		for _, n := range numbers {
			keys = append(keys, boardRow(n))
		}
		return keys
	}
	return contract.Contract{Name: "board", Methods: []contract.Method{contract.Handle("mix", "",
		func(_ contract.Call, m *mix) (contract.Footprint, error) {
			return contract.Footprint{Reads: rows(m.Reads), Writes: rows(m.Writes)}, nil
		},
		func(env *contract.Env, call contract.Call, m *mix) error {
			h := sha256.New()
			h.Write(call.ID[:])
			for _, key := range rows(slices.Concat(m.Reads, m.Writes, m.Stray)) {
				value, _, err := env.Get(key)
				if err != nil {
					return err
				}
				h.Write(value)
			}
			for _, key := range rows(m.Writes) {
				if err := env.Set(key, h.Sum(nil)); err != nil {
					return err
				}
			}
			if m.Fail {
				return contract.Errorf(contract.CodeConflict, "told to fail")
			}
			return env.Emit("board.mixed", h.Sum(nil))
		})}}
}

// traffic is a chain and transactions of every kind, from which tests draw.
type traffic struct {
	chain  *aplostest.Chain
	rules  contract.Rules
	pool   [][]byte
	nonce  uint64
	random *rand.Rand

	mu       sync.Mutex
	verdicts map[string]bool // every executor checks the same signatures
}

// Accounts 0 and 1 are officers of two organisations, the last node is reported.
const trafficAccounts = 150

func newTraffic(t *testing.T) *traffic {
	t.Helper()
	second := ledger.ID{0xc0, 2}
	r := &traffic{random: rand.New(rand.NewPCG(1, 2)), verdicts: map[string]bool{}}
	r.rules = contract.Rules{contract.NewSet(append(aplostest.Contracts()[0].Contracts(), board())...)}
	r.chain = aplostest.New(t, 4, trafficAccounts, start, func(g *ledger.Genesis) {
		g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{ID: second, Name: "second"})
		g.Members[1].Organisation = second
		g.Members[0].Roles, g.Members[1].Roles = []string{identity.RoleOfficer}, []string{identity.RoleOfficer}
		g.Limits.MaxTTL = 60_000
	})
	for range 400 {
		r.transfer()
		r.mix()
	}
	for i := range 20 {
		r.faulty(i)
	}
	for range 8 {
		r.ofMembers()
	}
	r.governs(t)
	return r
}

// add signs a call and puts it into the pool.
func (r *traffic) add(sender ledger.ID, by *identity.Key, name, method string, args any) []byte {
	r.nonce++
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: r.chain.ID, Sender: sender, Contract: name, Method: method, Args: r.chain.Encode(args),
		Expiry: start + r.random.Int64N(60_000),
	}
	binary.BigEndian.PutUint64(tx.Nonce[:], r.nonce)
	raw := r.chain.Sign(tx, by)
	r.pool = append(r.pool, raw)
	return raw
}

func (r *traffic) account() (ledger.ID, *identity.Key) {
	i := r.random.IntN(trafficAccounts)
	return r.chain.Account(i), aplostest.AccountKey(i)
}

func (r *traffic) transfer() {
	sender, key := r.account()
	to, _ := r.account()
	if r.random.IntN(8) == 0 {
		key = aplostest.DelegateKey(r.random.IntN(4))
	}
	amount := ledger.NewAmount(r.random.Uint64N(aplostest.Balance)) // so that order decides who can pay
	r.add(sender, key, token.Name, "transfer", &token.Transfer{To: to, Amount: amount})
}

func (r *traffic) mix() {
	sender, key := r.account()
	rows := func(most int) []byte {
		list := make([]byte, r.random.IntN(most+1))
		for i := range list {
			list[i] = byte(r.random.IntN(200))
		}
		return list
	}
	m := &mix{Reads: rows(3), Writes: rows(2), Fail: r.random.IntN(10) == 0}
	if r.random.IntN(10) == 0 {
		m.Stray = rows(2)
	}
	r.add(sender, key, "board", "mix", m)
}

// faulty adds broken copies of what is in the pool.
func (r *traffic) faulty(number int) {
	raw := slices.Clone(r.pool[r.random.IntN(len(r.pool))])
	switch sender, key := r.account(); number % 5 {
	case 0:
		raw[len(raw)-1] ^= 1 // another signature, the same id
	case 1:
		raw = raw[:len(raw)-1]
	case 2:
		r.add(sender, key, "board", "none", struct{}{})
		return
	case 3:
		late := ledger.Transaction{Version: ledger.Version, Chain: r.chain.ID, Sender: sender, Contract: "board", Method: "mix", Expiry: start - 1}
		raw = r.chain.Sign(late, key)
	default:
		r.add(sender, key, "board", "mix", map[string]int{"x": 1})
		return
	}
	r.pool = append(r.pool, raw)
}

// ofMembers adds calls that change who may act.
func (r *traffic) ofMembers() {
	sender, key := r.account()
	member, _ := r.account()
	officer := r.random.IntN(2)
	order := func(method string, args any) {
		r.add(r.chain.Account(officer), aplostest.AccountKey(officer), members.Name, method, args)
	}
	order([]string{members.MethodFreeze, members.MethodUnfreeze, members.MethodUnfreeze}[r.random.IntN(3)], &members.Change{Member: member})
	order(members.MethodRenew, &members.Renew{Member: member, Expiry: start + r.random.Int64N(60_000)})
	n := r.random.IntN(4)
	held := aplostest.DelegateKey(n)
	organisation := r.chain.Genesis.Organisations[0].ID
	r.add(sender, key, members.Name, members.MethodAddDelegate, &members.AddDelegate{
		Node: aplostest.NodeID(n), Key: held.Public(), Methods: []string{"token.transfer"},
		Proof: r.chain.Possession(organisation, sender, held), Expiry: start + 40_000, Spend: new(ledger.NewAmount(500_000)),
	})
	if r.random.IntN(3) == 0 {
		r.add(sender, key, members.Name, members.MethodRevokeDelegate, &members.RevokeDelegate{Key: held.ID()})
	}
	next := aplostest.DelegateKey(100 + len(r.pool))
	if r.random.IntN(3) == 0 {
		r.add(sender, key, members.Name, members.MethodRotateKey, &members.RotateKey{
			Old: key.ID(), Key: next.Public(), Proof: r.chain.Possession(organisation, sender, next), Until: start + r.random.Int64N(90_000),
		})
	}
}

// governs adds proposals, approvals and a report.
func (r *traffic) governs(t *testing.T) {
	t.Helper()
	for i := range 6 {
		action := governance.Action{SetLimits: &governance.SetLimits{
			BlockTransactions: uint32(100 + i), BlockBytes: 1 << 20, MaxTTL: 50_000 + int64(i),
		}}
		if i == 5 {
			action = governance.Action{RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(2)}}
		}
		raw := r.add(r.chain.Account(0), aplostest.AccountKey(0), governance.Name, governance.MethodPropose,
			&governance.Propose{Action: action, Height: uint64(2 + i%3), Expiry: start + 30_000})
		proposal := &governance.Approve{Proposal: aplos.Read(raw).ID}
		r.add(r.chain.Account(1), aplostest.AccountKey(1), governance.Name, governance.MethodApprove, proposal)
	}
	r.add(r.chain.Account(3), aplostest.AccountKey(3), governance.Name, governance.MethodReportEquivocation, equivocation(t, r.chain, 3))
}

// verify is [identity.Verify], once for each signature.
func (r *traffic) verify(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
	at := string(key[:]) + string(message) + string(signature[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	holds, known := r.verdicts[at]
	if !known {
		holds = identity.Verify(key, message, signature)
		r.verdicts[at] = holds
	}
	return holds
}

// executor returns one that works with so many goroutines.
func (r *traffic) executor(tb testing.TB, workers int) *executor {
	tb.Helper()
	genesis, err := aplos.Genesis(r.rules, r.chain.Genesis)
	if err != nil {
		tb.Fatal(err)
	}
	e := &executor{
		config: aplos.Config{Chain: r.chain.ID, Contracts: r.rules, Verify: r.verify, Workers: workers, ReadAhead: 3 * workers},
		rows:   aplostest.Rows{}, sum: genesis.Commitment,
	}
	if workers > 1 {
		e.config.Members = members.NewDecoded(trafficAccounts / 2)
		e.config.VerifyAll = func(list []identity.Signed) []bool {
			verdicts := make([]bool, len(list))
			for i := range list {
				verdicts[i] = r.verify(list[i].Key, list[i].Message, list[i].Signature)
			}
			return verdicts
		}
	}
	e.rows.Apply(genesis.Writes)
	if err := e.restart(); err != nil {
		tb.Fatal(err)
	}
	return e
}

// TestWorkersChangeNothing executes any transactions one by one, each row read when
// it is needed, and by several goroutines that read ahead: results, events,
// writes, blocks and states are the same.
func TestWorkersChangeNothing(t *testing.T) {
	t.Parallel()
	r := newTraffic(t)
	codes := map[ledger.Code]int{}
	rapid.Check(t, func(rt *rapid.T) {
		one := r.executor(t, 0)
		others := make([]*executor, 0, 4)
		for _, workers := range []int{1, 2, 3, 7} {
			others = append(others, r.executor(t, workers))
		}
		offset, now := uint64(0), int64(start)
		for range rapid.IntRange(1, 2).Draw(rt, "blocks") {
			for range rapid.IntRange(1, 2).Draw(rt, "records") {
				node := rapid.IntRange(0, 3).Draw(rt, "node")
				record := ledger.Record{
					Version: ledger.Version, Chain: r.chain.ID, Epoch: one.Group().Epoch,
					Kind: ledger.RecordTransactions, Node: aplostest.NodeID(node), Time: now,
				}
				// Uniform, which rapid's own draws are not: few conflicts, so that many run at once.
				pick := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "transactions"), 1))
				for range rapid.SampledFrom([]int{1, 40, 40, 100}).Draw(rt, "how many") {
					record.Transactions = append(record.Transactions, r.pool[pick.IntN(len(r.pool))])
				}
				now += rapid.Int64Range(0, 40_000).Draw(rt, "later")
				raw := r.chain.SignRecord(record, aplostest.NodeKey(node))
				want, err := one.Execute(offset, raw)
				if err != nil {
					rt.Fatal(err)
				}
				for i := range want.Results {
					codes[want.Results[i].Code]++
				}
				for _, e := range others {
					got, err := e.Execute(offset, raw)
					if err != nil {
						rt.Fatal(err)
					}
					sameExecuted(rt, e.config.Workers, &got, &want)
				}
				offset++
			}
			want, err := one.Seal()
			if err != nil {
				rt.Fatal(err)
			}
			one.pending = append(one.pending, want)
			lag := rapid.IntRange(0, 2).Draw(rt, "blocks not applied")
			one.apply(lag)
			for _, e := range others {
				got, err := e.Seal()
				if err != nil {
					rt.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					rt.Fatalf("block %d by %d workers: %d writes, state %s, want %d and %s",
						want.Height, e.config.Workers, len(got.Writes), got.State, len(want.Writes), want.State)
				}
				e.pending = append(e.pending, got)
				e.apply(lag)
			}
		}
	})
	if testing.Short() { // with fewer draws some codes may be missing
		return
	}
	for _, code := range []ledger.Code{
		ledger.CodeOK, contract.CodeReplayed, contract.CodeExpired, contract.CodeMalformed, contract.CodeBadSignature,
		contract.CodeOutsideFootprint, contract.CodeConflict, contract.CodeBadArguments, contract.CodeUnknownMethod,
		contract.CodeUnknownKey, token.CodeInsufficientFunds, members.CodeNotActive,
	} {
		if codes[code] == 0 {
			t.Errorf("no transaction ended with %s: the test does not show what it says", code)
		}
	}
}

func sameExecuted(t *rapid.T, workers int, got, want *aplos.Executed) {
	t.Helper()
	for i := range want.Results {
		if !reflect.DeepEqual(got.Results[i], want.Results[i]) || got.Details[i] != want.Details[i] {
			t.Fatalf("transaction %d by %d workers:\n%+v %s\nwant\n%+v %s",
				i, workers, got.Results[i], got.Details[i], want.Results[i], want.Details[i])
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("record %d by %d workers:\n%+v\nwant\n%+v", want.Offset, workers, got, want)
	}
}
