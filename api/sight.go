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
// a round of it asked it. looked is how many rounds it took to find out.
func (s *server) seesJob(ctx context.Context, c *caller, id ledger.Digest, row *fl.Job) (sees bool, looked int, err error) {
	if c.owns(row.Creator) {
		return true, 0, nil
	}
	return s.asked.by(ctx, id, row.Round, c.Member)
}

// What costs more than its bytes is charged to its member as so many bytes as
// may be moved in about that time.
const (
	costOfLook     = 1 << 10  // a read row, about 1 µs
	costOfProposal = 32 << 10 // about 25 µs

	costOfCollection = 64 * costOfLook // as many rows as its count has stripes

	costOfDecoding = 2 // for each byte of a stored block, about 5 ns with its read
)

func (s *server) charge(c *caller, n int) { s.members.of(c.Member).charge(s.Now(), n) }

// visibleJob is loadJob for who may see the job.
func (s *server) visibleJob(ctx context.Context, id ledger.Digest) (*fl.Job, string, error) {
	row, position, err := s.loadJob(ctx, id)
	if err != nil {
		return nil, "", err
	}
	c := callerOf(ctx)
	sees, looked, err := s.seesJob(ctx, c, id, row)
	s.charge(c, looked*costOfLook)
	if err == nil && !sees {
		err = notPermitted("job %s is none that member %s created or was asked by", id, c.Member)
	}
	return row, position, err
}

// seesAny reports whether one of the jobs is the caller's to see.
func (s *server) seesAny(ctx context.Context, c *caller, jobs []ledger.Digest) (bool, error) {
	if c.scope == ScopeAll {
		return true, nil
	}
	for _, id := range jobs {
		row, ok, err := fl.LoadJob(s.Node.State(ctx), id)
		if err != nil || !ok {
			return false, err
		}
		sees, looked, err := s.seesJob(ctx, c, id, row)
		s.charge(c, looked*costOfLook)
		if err != nil || sees {
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
		if sees, err := s.seesAny(ctx, c, []ledger.Digest{about.Job}); err != nil || sees {
			return err
		}
	}
	return notPermitted("member %s did not send transaction %s, and it is about no job that it may see", c.Member, o.ID)
}
