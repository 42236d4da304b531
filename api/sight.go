package api

import (
	"context"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	fl "github.com/librum/librum/fl/contract"
)

// seesJob reports whether a job is the caller's to see: it created the job, or
// a round of it asked it. The newest round comes first, since who trains now
// asks most.
func (s *server) seesJob(c *caller, id ledger.Digest, row *fl.Job) (bool, error) {
	if c.owns(row.Creator) {
		return true, nil
	}
	for round := row.Round; round > 0; round-- {
		_, asked, err := fl.LoadUpdate(s.Node, id, round, c.Member)
		if err != nil || asked {
			return asked, err
		}
	}
	return false, nil
}

// visibleJob is loadJob for who may see the job.
func (s *server) visibleJob(ctx context.Context, id ledger.Digest) (*fl.Job, string, error) {
	row, position, err := s.loadJob(id)
	if err != nil {
		return nil, "", err
	}
	c := callerOf(ctx)
	sees, err := s.seesJob(c, id, row)
	if err == nil && !sees {
		err = notPermitted("job %s is none that member %s created or was asked by", id, c.Member)
	}
	return row, position, err
}

// seesAny reports whether one of the jobs is the caller's to see.
func (s *server) seesAny(c *caller, jobs []ledger.Digest) (bool, error) {
	if c.scope == ScopeAll {
		return true, nil
	}
	for _, id := range jobs {
		row, ok, err := fl.LoadJob(s.Node, id)
		if err != nil || !ok {
			return false, err
		}
		if sees, err := s.seesJob(c, id, row); err != nil || sees {
			return sees, err
		}
	}
	return false, nil
}

// seesAccount refuses an account that is neither the caller's nor, for an
// officer, one of its organisation's members.
func (s *server) seesAccount(ctx context.Context, id ledger.ID, member *members.Member) error {
	c := callerOf(ctx)
	if c.owns(id) || member != nil && c.isOfficerOf(member.Organisation) {
		return nil
	}
	return notPermitted("account %s is not member %s's", id, c.Member)
}

// seesTransaction refuses a transaction that the caller did not send and that is
// about no job it may see. What organisations decide together is everybody's. What its block does not hold yet is known by its id to
// its sender alone.
func (s *server) seesTransaction(ctx context.Context, o *node.Outcome, content *v1.TransactionContent) error {
	c := callerOf(ctx)
	if content == nil || c.owns(content.Sender) || content.Contract == governance.Name {
		return nil
	}
	for _, e := range o.Events {
		var about struct {
			Job ledger.Digest `cbor:"job"`
		}
		if s.decoder.Unmarshal(e.Data, &about) != nil || about.Job.IsZero() {
			continue
		}
		if sees, err := s.seesAny(c, []ledger.Digest{about.Job}); err != nil || sees {
			return err
		}
	}
	return notPermitted("member %s did not send transaction %s, and it is about no job that it may see", c.Member, o.ID)
}
