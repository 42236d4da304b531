package aplos

import (
	"fmt"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// touching returns a turn with that footprint and an id of its own.
func touching(id byte, reads, writes string) turn {
	var t turn
	t.ID = ledger.Digest{id}
	for _, k := range reads {
		t.action.Footprint.Reads = append(t.action.Footprint.Reads, contract.Key(k))
	}
	for _, k := range writes {
		t.action.Footprint.Writes = append(t.action.Footprint.Writes, contract.Key(k))
	}
	return t
}

// TestWaves shows which turns run at once.
func TestWaves(t *testing.T) {
	t.Parallel()
	member := touching(9, "", "")
	member.action.Footprint.Writes = []contract.Key{"identity/member/x"}
	for name, tt := range map[string]struct {
		turns []turn
		want  string
	}{
		"nothing shared":       {[]turn{touching(1, "", "a"), touching(2, "", "b"), touching(3, "c", "d")}, "[[1 2 3]]"},
		"reads of one row":     {[]turn{touching(1, "a", "b"), touching(2, "a", "c"), touching(3, "a", "")}, "[[1 2 3]]"},
		"writes of one row":    {[]turn{touching(1, "", "a"), touching(2, "", "a"), touching(3, "", "a")}, "[[1] [2] [3]]"},
		"a write after a read": {[]turn{touching(1, "a", "b"), touching(2, "", "a"), touching(3, "a", "c")}, "[[1] [2] [3]]"},
		"a chain beside":       {[]turn{touching(1, "", "ab"), touching(2, "", "bc"), touching(3, "", "cd"), touching(4, "", "e")}, "[[1 4] [2] [3]]"},
		"reads what it writes": {[]turn{touching(1, "a", "a"), touching(2, "b", "b")}, "[[1 2]]"},
		"a replay":             {[]turn{touching(1, "a", ""), touching(1, "a", ""), touching(2, "a", "")}, "[[1 2] [1]]"},
		"one that runs alone":  {[]turn{touching(1, "", "a"), member, touching(2, "", "b"), touching(3, "", "c")}, "[[1] [9] [2 3]]"},
		"two that run alone":   {[]turn{member, member, touching(2, "", "b")}, "[[9] [9] [2]]"},
		"no turn":              {nil, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSchedule()
			for range 3 { // what a record leaves does not hold up the next
				got := [][]byte{}
				for _, wave := range s.waves(tt.turns) {
					ids := []byte{}
					for _, turn := range wave {
						ids = append(ids, turn.ID[0])
					}
					got = append(got, ids)
				}
				if fmt.Sprint(got) != tt.want {
					t.Errorf("waves %v, want %s", got, tt.want)
				}
			}
		})
	}
}

// watched is a state that takes note of what is read of it.
type watched struct {
	contract.State

	read map[contract.Key]bool
}

func (w watched) Get(key contract.Key) ([]byte, bool, error) {
	w.read[key] = true
	return w.State.Get(key)
}

// TestInspectReadsWhatIsInspected holds the list of rows whose writers run
// alone: a check that read another row could see it change beside it.
func TestInspectReadsWhatIsInspected(t *testing.T) {
	t.Parallel()
	const now = 1_700_000_000_000
	c := aplostest.New(t, 1, 2, now, func(g *ledger.Genesis) {
		g.Delegates = []ledger.GenesisDelegate{{
			Member: g.Members[0].ID, Node: aplostest.NodeID(0), Key: aplostest.DelegateKey(0).Public(),
			Methods: []string{"token.transfer"}, Expiry: now + 1,
		}}
	})
	genesis, err := Genesis(aplostest.Contracts(), c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	rows := aplostest.Rows{}
	rows.Apply(genesis.Writes)
	state := watched{State: rows, read: map[contract.Key]bool{}}
	config := Config{Chain: c.ID, Contracts: aplostest.Contracts()}
	candidate := Read(c.Sign(c.Transaction(0, 1, 1, 1, now), aplostest.DelegateKey(0)))
	never := func(ledger.Digest) bool { return false }
	if err := config.Inspect(state, now, 1000, never, &candidate); err != nil || !candidate.delegated {
		t.Fatalf("delegated %t, error %v", candidate.delegated, err)
	}
	if len(state.read) != 5 { // sender, delegate key, organisations, suspended nodes, the node
		t.Errorf("read %d rows, want 5", len(state.read))
	}
	for key := range state.read {
		if !inspected(key) {
			t.Errorf("Inspect read %q, whose writers do not run alone", string(key))
		}
	}
}

// BenchmarkWaves schedules transfers between many accounts, and to one.
func BenchmarkWaves(b *testing.B) {
	for _, hot := range []bool{false, true} {
		b.Run(fmt.Sprintf("hot=%t", hot), func(b *testing.B) {
			turns := make([]turn, 2_000)
			for i := range turns {
				key := func(kind string, n int) contract.Key { return contract.Key(fmt.Sprintf("token/%s/%020d", kind, n)) }
				to := 2*i + 1
				if hot {
					to = 0
				}
				turns[i].action.Footprint.Writes = []contract.Key{key("balance", 2*i), key("balance", to), key("allowance", i)}
			}
			s := newSchedule()
			for b.Loop() {
				s.waves(turns)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(turns)), "ns/transaction")
		})
	}
}
