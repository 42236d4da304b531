package api

import (
	"context"
	"errors"

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
// executed, and change members or the network.
func (s *server) auditTransactions(ctx context.Context, raw [][]byte, outcomes []node.Outcome) error {
	var acts []auditlog.Act
	for i := range outcomes {
		if !outcomes[i].Executed {
			continue // nobody's: who sent it is not proven
		}
		t, _, err := ledger.ParseTransaction(raw[i])
		if err != nil || t.Contract != members.Name && t.Contract != governance.Name {
			continue // rubbish, or no act of administration
		}
		acts = append(acts, auditlog.Act{
			Member: t.Sender, Token: callerOf(ctx).ID, Act: t.Contract + "." + t.Method,
			Subject: outcomes[i].ID.String(), Outcome: string(outcomes[i].Code),
		})
	}
	if len(acts) == 0 {
		return nil
	}
	return s.Audit.Record(acts...)
}
