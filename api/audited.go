package api

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// audited records an act with its outcome before it is answered, and returns
// what is to be answered.
func (s *server) audited(outcome error, a auditlog.Act) error {
	a.Outcome = string(ledger.CodeOK)
	if outcome != nil {
		a.Outcome = failureOf(outcome).Code()
	}
	if err := s.Audit.Record(a); err != nil {
		return errors.Join(err, outcome)
	}
	return outcome
}

// auditTransactions records those transactions that came through this door, were
// executed, and change members or the network. Sending one again is no act: it
// is recorded once, or a member could fill the disk with one signature.
func (s *server) auditTransactions(ctx context.Context, raw [][]byte, outcomes []node.Outcome) error {
	var acts []auditlog.Act
	fresh := map[ledger.Digest]bool{}
	for i := range outcomes {
		if !outcomes[i].Executed {
			continue // nobody's: who sent it is not proven
		}
		id := outcomes[i].ID
		if fresh[id] || s.recorded.has(id) {
			continue
		}
		t, _, err := ledger.ParseTransaction(raw[i])
		if err != nil || t.Contract != members.Name && t.Contract != governance.Name {
			continue // rubbish, or no act of administration
		}
		fresh[id] = true
		acts = append(acts, auditlog.Act{
			Member: t.Sender, Token: callerOf(ctx).ID, Act: t.Contract + "." + t.Method,
			Subject: id.String(), Outcome: string(outcomes[i].Code),
		})
	}
	if len(acts) == 0 {
		return nil
	}
	if err := s.Audit.Record(acts...); err != nil {
		return err
	}
	s.recorded.add(fresh)
	return nil
}

// maxRecorded is how many transactions are remembered as recorded, at least;
// about 100 bytes each.
const maxRecorded = 16_384

// recorded remembers the transactions that stand in the audit log, the last of
// them: after a restart, or many others, one may be recorded again.
type recorded struct {
	mu          sync.Mutex
	newer, past map[ledger.Digest]bool
}

func (r *recorded) has(id ledger.Digest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newer[id] || r.past[id]
}

func (r *recorded) add(ids map[ledger.Digest]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newer == nil || len(r.newer) >= maxRecorded {
		r.newer, r.past = map[ledger.Digest]bool{}, r.newer
	}
	maps.Copy(r.newer, ids)
}
