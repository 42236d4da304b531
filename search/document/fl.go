package document

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// flContract documents jobs, rounds, updates and the models of final rounds.
func flContract() Contract {
	return Contract{
		Name: fl.Name,
		Fields: []Field{
			{Name: FieldJob, Type: Keyword, Indexed: true, Doc: "id of the job"},
			{Name: FieldRound, Type: Integer, Doc: "number of the round in its job, from 1"},
			{Name: "attempt", Type: Integer, Doc: "of the round, from 1"},
			{Name: "term", Type: Integer, Doc: "of the coordinator"},
			{Name: "peer", Type: Keyword, Indexed: true, Doc: "who answered"},
			{Name: "node", Type: Keyword, Doc: "that committed or attested"},
			{Name: "holder", Type: Keyword, Doc: "node that holds the term"},
			{Name: "creator", Type: Keyword, Doc: "member who created the job"},
			{Name: "state", Type: Keyword, Doc: "of the job, round or update"},
			{Name: "reason", Type: Keyword, Doc: "why it is in this state"},
			{Name: "dissent", Type: Keyword, Doc: "why a node does not agree; missing where it does"},
			{Name: "strategy", Type: Keyword, Doc: "by which the job averages"},
			{Name: "architecture", Type: Keyword, Doc: "name of the model that the job trains"},
			{Name: "num_rounds", Type: Integer, Doc: "that the job asks for"},
			{Name: "num_final", Type: Integer, Doc: "rounds of the job that are final"},
			{Name: "seed", Type: Integer, Doc: "of the job"},
			{Name: "created", Type: Time, Doc: "log time of the job's beginning"},
			{Name: "opened", Type: Time, Doc: "log time of the round's beginning"},
			{Name: "closed", Type: Time, Doc: "log time from which the set of updates is fixed"},
			{Name: "ended", Type: Time, Doc: "log time of the end of job or round"},
			{Name: "duration_ms", Type: Integer, Doc: "from the beginning to the end of job or round"},
			{Name: "model", Type: Keyword, Indexed: true, Doc: "digest of the model: the job's newest, the one a round began with, or itself"},
			{Name: "card", Type: Keyword, Doc: "digest of the model card"},
			{Name: "digest", Type: Keyword, Indexed: true, Doc: "of the update's file"},
			{Name: "set", Type: Keyword, Doc: "digest of the set of updates"},
			{Name: "cohort_size", Type: Integer, Doc: "peers that the round asked"},
			{Name: "cohort", Type: Keyword, Many: true, Doc: "peers that the round asked"},
			{Name: "submitted", Type: Integer, Doc: "updates of the round"},
			{Name: "declined", Type: Integer, Doc: "peers that declined the round"},
			{Name: "agreed", Type: Integer, Doc: "nodes that attested the commit"},
			{Name: "dissented", Type: Integer, Doc: "nodes that did not"},
			{Name: "holders", Type: Keyword, Many: true, Doc: "nodes whose receipts the update carries"},
			{Name: "num_examples", Type: Integer, Doc: "claim of the peer"},
			{Name: "accuracy", Type: Number, Doc: "claim of the peer, or of the node that averaged them"},
			{Name: "loss", Type: Number, Doc: "claim of the peer, or of the node that averaged them"},
			{Name: "metrics", Type: Keyword, Many: true, Doc: "names of the metrics that were claimed"},
		},
		Things: []Thing{
			{Kind: KindJob, Prefix: fl.PrefixJob, Parse: parseJob(KindJob, fl.PrefixJob, 0), Load: loadJob},
			{Kind: KindRound, Prefix: fl.PrefixRound, Parse: parseJob(KindRound, fl.PrefixRound, 8), Load: loadRound},
			{Kind: KindModel, Prefix: fl.PrefixRound, Parse: parseJob(KindModel, fl.PrefixRound, 8), Load: loadModel},
			{Kind: KindUpdate, Prefix: fl.PrefixUpdate, Parse: parseJob(KindUpdate, fl.PrefixUpdate, 24), Load: loadUpdate},
		},
		Touched: func(e Event, touch func(Ref)) {
			id, ok := e.digest(FieldJob)
			if !ok {
				return
			}
			touch(Ref{Kind: KindJob, Job: id})
			round := e.number(FieldRound)
			if round == 0 {
				return
			}
			touch(Ref{Kind: KindRound, Job: id, Round: round})
			if e.Type == fl.EventRoundFinal {
				touch(Ref{Kind: KindModel, Job: id, Round: round})
			}
			if peer, ok := e.id("peer"); ok {
				touch(Ref{Kind: KindUpdate, Job: id, Round: round, Member: peer})
			}
		},
	}
}

// parseJob reads keys of a prefix, a job's id and so many more bytes: a round,
// and a peer behind it.
func parseJob(kind Kind, prefix contract.Key, more int) func(contract.Key) (Ref, bool) {
	return func(key contract.Key) (Ref, bool) {
		rest := []byte(key[len(prefix):])
		const digest, id = len(ledger.Digest{}), len(ledger.ID{})
		if len(rest) != digest+more {
			return Ref{}, false
		}
		ref := Ref{Kind: kind, Job: ledger.Digest(rest[:digest])}
		if rest = rest[digest:]; len(rest) >= 8 {
			ref.Round, rest = binary.BigEndian.Uint64(rest), rest[8:]
		}
		if len(rest) == id {
			ref.Member = ledger.ID(rest)
		}
		return ref, true
	}
}

func loadJob(state contract.State, ref Ref) (Values, bool, error) {
	j, ok, err := fl.LoadJob(state, ref.Job)
	if err != nil || !ok {
		return nil, false, err
	}
	v := Values{}
	v.digest(FieldJob, ref.Job)
	v.id(FieldOwner, j.Creator)
	v.id("creator", j.Creator)
	v.keyword("state", string(j.State))
	v.keyword("reason", string(j.Reason))
	v.keyword("strategy", j.Spec.Strategy.Name)
	v.keyword("architecture", j.Spec.Model.Name)
	v.number("num_rounds", uint64(max(0, j.Spec.NumRounds)))
	v.number("num_final", j.Finals)
	v.number(FieldRound, j.Round)
	v.number("seed", j.Spec.Seed)
	v.digest("model", j.Model)
	v.digest("card", j.Card)
	v.during("created", j.Created, j.Ended)
	v.text(j.Spec.Model.Name, j.Spec.Strategy.Name, j.Spec.UpdateType, string(j.State), string(j.Reason))
	return v, true, nil
}

// during sets beginning, end and what lies between, as far as they are known.
func (v Values) during(begin string, from, until int64) {
	v.time(begin, from)
	v.time("ended", until)
	if from > 0 && until >= from {
		v["duration_ms"] = until - from
	}
}

func loadRound(state contract.State, ref Ref) (Values, bool, error) {
	r, ok, err := fl.LoadRound(state, ref.Job, ref.Round)
	if err != nil || !ok {
		return nil, false, err
	}
	v := Values{}
	v.digest(FieldJob, ref.Job)
	v.number(FieldRound, ref.Round)
	v.number("attempt", r.Attempt)
	v.number("term", r.Term)
	v.keyword("state", string(r.State))
	v.digest("model", r.Model)
	v.digest("set", r.Set)
	v.number("cohort_size", r.Cohort)
	v.number("submitted", r.Submitted)
	v.number("declined", r.Declined)
	v.number("agreed", r.Agreed)
	v.number("dissented", r.Dissented)
	v.during("opened", r.Opened, r.Ended)
	v.time("closed", r.Closed)
	v.text(string(r.State))
	cohort, ok, err := fl.LoadCohort(state, ref.Job, ref.Round)
	if err != nil {
		return nil, false, err
	}
	if ok {
		v.many("cohort", texts(cohort.Peers))
	}
	if r.Committed == 0 {
		return v, true, nil
	}
	c, ok, err := fl.LoadCommit(state, ref.Job, ref.Round, r.CommitTerm)
	if err == nil && ok {
		v.id("node", c.Node)
		v.claims(c.Metrics)
	}
	return v, true, err
}

// claims sets the metrics that have a field, and the names of all.
func (v Values) claims(m fl.Metrics) {
	v.many("metrics", slices.Collect(maps.Keys(m)))
	for _, name := range []string{"accuracy", "loss"} {
		if x, ok := m[name]; ok {
			v[name] = x
		}
	}
}

// loadModel documents the model that a final round ended in.
func loadModel(state contract.State, ref Ref) (Values, bool, error) {
	r, ok, err := fl.LoadRound(state, ref.Job, ref.Round)
	if err != nil || !ok || r.State != job.RoundFinal {
		return nil, false, err
	}
	c, ok, err := fl.LoadCommit(state, ref.Job, ref.Round, r.CommitTerm)
	if err != nil || !ok {
		return nil, false, err
	}
	j, ok, err := fl.LoadJob(state, ref.Job)
	if err != nil || !ok {
		return nil, false, err
	}
	v := Values{}
	v.digest(FieldJob, ref.Job)
	v.number(FieldRound, ref.Round)
	v.digest("model", c.Model)
	v.number("size", c.ModelSize)
	v.keyword("architecture", j.Spec.Model.Name)
	v.keyword("strategy", j.Spec.Strategy.Name)
	v.id("node", c.Node)
	v.claims(c.Metrics)
	v.text(strings.Join([]string{j.Spec.Model.Name, j.Spec.Strategy.Name}, " "))
	return v, true, nil
}

func loadUpdate(state contract.State, ref Ref) (Values, bool, error) {
	u, ok, err := fl.LoadUpdate(state, ref.Job, ref.Round, ref.Member)
	if err != nil || !ok || u.State == fl.UpdateExpected {
		return nil, false, err
	}
	v := Values{}
	v.digest(FieldJob, ref.Job)
	v.number(FieldRound, ref.Round)
	v.number("attempt", u.Attempt)
	v.id("peer", ref.Member)
	v.keyword("state", string(u.State))
	v.keyword("reason", string(u.Reason))
	v.text(string(u.State), string(u.Reason))
	if u.State == fl.UpdateSubmitted {
		v.digest("digest", u.Digest)
		v.number("size", u.Size)
		v.number("num_examples", u.NumExamples)
		v.many("holders", texts(u.Holders))
		v.claims(u.Metrics)
	}
	return v, true, nil
}
