package testnet_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/verify"
	"github.com/librum/librum/test/testnet"
)

// holder returns the index of the node that holds the job's term.
func holder(t *testing.T, net *testnet.Net) (int, *fl.Term) {
	t.Helper()
	term, ok, err := fl.LoadTerm(net.State(), net.JobID())
	if err != nil || !ok {
		t.Fatalf("read the term: found %t, error %v", ok, err)
	}
	return net.NodeIndex(term.Holder), term
}

// submitted waits until some updates of a round are in.
func submitted(t *testing.T, net *testnet.Net, number, count uint64) {
	t.Helper()
	until(t, net, func(j *fl.Job) bool {
		if j.Round != number {
			return false
		}
		r, _ := round(t, net, number)
		return r.Submitted >= count
	})
}

// silent is a peer that takes tasks and never answers.
func silent(seat testnet.Seat) testnet.Participant {
	return testnet.NewHostile(seat, func(*fl.RoundOpened, []byte) testnet.Forgery { return testnet.Forgery{Silent: true} })
}

func TestAnotherNodeTakesTheTermOfADeadOne(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		net := network(t, 11, 4, 3)
		begin(t, net, small(3, 3))
		submitted(t, net, 2, 1)
		dead, before := holder(t, net)
		net.Stop(dead)
		until(t, net, func(j *fl.Job) bool {
			_, now := holder(t, net)
			return now.Term > before.Term
		})
		taker, now := holder(t, net)
		if taker == dead || now.Term != before.Term+1 || now.Taken < before.Renewed+fl.Lease {
			t.Errorf("node %d took term %d at %d; node %d's term %d was renewed last at %d",
				taker, now.Term, now.Taken, dead, before.Term, before.Renewed)
		}
		if !slices.Contains(now.Lapsed, before.Holder) {
			t.Errorf("term %d names %v as lapsed, want %s", now.Term, now.Lapsed, before.Holder)
		}
		if back {
			if err := net.Start(t.Context(), dead); err != nil {
				t.Fatal(err)
			}
		}
		end(t, net, job.StateFinished, "", 3)
		verified(t, net, 3)
	}
}

// TestEveryNodeRestarts takes down one node after the other in the middle of
// rounds, and brings it back over its store and blobs.
func TestEveryNodeRestarts(t *testing.T) {
	t.Parallel()
	net := network(t, 12, 4, 3)
	begin(t, net, small(4, 3))
	for i := range 4 {
		submitted(t, net, uint64(i+1), 1)
		net.Stop(i)
		if err := net.Start(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	end(t, net, job.StateFinished, "", 4)
	if _, term := holder(t, net); term.Term != 1 {
		t.Errorf("the job ended in term %d: a holder that is back at once goes on in its own term", term.Term)
	}
	verified(t, net, 4)
}

// TestLostQuorumComesBack takes two of four nodes down, so that nothing becomes
// final, and brings them back.
func TestLostQuorumComesBack(t *testing.T) {
	t.Parallel()
	net := network(t, 22, 4, 3)
	begin(t, net, small(3, 3))
	submitted(t, net, 2, 1)
	net.Stop(1)
	net.Stop(2)
	for range 300 {
		if err := net.Until(t.Context(), once()); err != nil {
			t.Fatal(err)
		}
	}
	if j, err := net.Job(); err != nil || j.State.Terminal() || j.Finals > 2 {
		t.Fatalf("without a quorum the job became %+v, error %v", j, err)
	}
	for _, i := range []int{1, 2} {
		if err := net.Start(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	end(t, net, job.StateFinished, "", 3)
	verified(t, net, 3)
}

func TestSilentPeerIsWaitedForOnlySoLong(t *testing.T) {
	t.Parallel()
	net := network(t, 13, 4, 4)
	net.Replace(1, silent)
	spec := small(2, 3)
	spec.MinAvailablePeers, spec.WaitAfterMinS = 4, 25
	begin(t, net, spec)
	end(t, net, job.StateFinished, "", 2)
	for number := uint64(1); number <= 2; number++ {
		r, c := round(t, net, number)
		if waited := r.Closed - r.MinReached; waited < 25_000 || waited > 30_000 || c.Count != 3 {
			t.Errorf("round %d closed %d ms after three peers had submitted, with %d updates; want 25 s and 3", number, waited, c.Count)
		}
	}
	verified(t, net, 2)
}

// TestRoundTimesOut has so many peers sleep that only the time-out ends a
// round; after three of them the job fails.
func TestRoundTimesOut(t *testing.T) {
	t.Parallel()
	net := network(t, 14, 4, 3)
	net.Replace(0, silent)
	net.Replace(1, silent)
	spec := small(2, 2)
	spec.MinAvailablePeers, spec.RoundTimeoutS = 3, 30
	begin(t, net, spec)
	end(t, net, job.StateFailed, job.ReasonVoidRounds, 0)
	r, _ := round(t, net, 1)
	if r.Attempt != job.MaxVoids || r.Ended-r.Opened < 30_000 || r.Ended-r.Opened > 35_000 {
		t.Errorf("the round ended as %+v, want %d attempts of 30 s each", r, job.MaxVoids)
	}
}

func TestTooFewPeersAreWaitedFor(t *testing.T) {
	t.Parallel()
	net := network(t, 15, 4, 2)
	spec := small(2, 3)
	spec.WaitForPeersS = 120
	begin(t, net, spec)
	created := net.Now()
	until(t, net, func(*fl.Job) bool { return net.Now() > created+100_000 })
	if j, err := net.Job(); err != nil || j.State != job.StateWaiting || j.Reason != job.ReasonPeers {
		t.Fatalf("after 100 s the job is %+v, error %v; want it waiting for peers", j, err)
	}
	out := end(t, net, job.StateFailed, job.ReasonNoPeers, 0)
	if after := out.Job.Ended - out.Job.Created; after < 120_000 || after > 130_000 {
		t.Errorf("the job failed after %d ms, want 120 s", after)
	}
}

// TestLateEnoughPeersStillTrain lets the last peer come while the job waits.
func TestLateEnoughPeersStillTrain(t *testing.T) {
	t.Parallel()
	net := network(t, 16, 4, 3)
	var late testnet.Participant
	net.Replace(2, func(seat testnet.Seat) testnet.Participant {
		late = seat.Honest(seat.Server)
		return sleeper{net: net, until: net.Now() + 200_000, then: late}
	})
	begin(t, net, small(1, 3))
	end(t, net, job.StateFinished, "", 1)
	if r, _ := round(t, net, 1); r.Opened < net.Now()-60_000 || r.Attempt != 1 {
		t.Errorf("the round was opened at %d, now is %d; want it opened once the third peer was there", r.Opened, net.Now())
	}
}

// sleeper does nothing until a time.
type sleeper struct {
	net   *testnet.Net
	until int64
	then  testnet.Participant
}

func (s sleeper) Step(ctx context.Context) error {
	if s.net.Now() < s.until {
		return nil
	}
	return s.then.Step(ctx)
}

// lie has a node commit a model of which the last bit is another one.
func lie(net *testnet.Net, i int) testnet.TwistFunc {
	return func(ctx context.Context, method string, args any) error {
		commit, ok := args.(*fl.CommitRound)
		if method != fl.MethodCommitRound || !ok {
			return nil
		}
		file, err := net.Blobs(i).Get(ctx, commit.Model)
		if err != nil {
			return err
		}
		b := make([]byte, file.Size())
		if _, err := file.ReadAt(b, 0); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
		b[len(b)-4] ^= 1
		commit.Model, _, err = net.Blobs(i).Put(ctx, bytes.NewReader(b), int64(len(b)))
		return err
	}
}

// TestWrongAverageIsOutvoted has the holder lie in round 2: the others find it,
// one of them takes the term, and the job ends with the same models as without
// the lie.
func TestWrongAverageIsOutvoted(t *testing.T) {
	t.Parallel()
	net := network(t, 17, 4, 3)
	liar := -1
	for i := range 4 {
		twist := lie(net, i)
		net.Twist(i, func(ctx context.Context, method string, args any) error {
			if j, err := net.Job(); err != nil || j.Round != 2 || liar >= 0 && liar != i {
				return err
			}
			if method == fl.MethodCommitRound {
				liar = i
			}
			return twist(ctx, method, args)
		})
	}
	begin(t, net, small(3, 3))
	end(t, net, job.StateFinished, "", 3)
	r, c := round(t, net, 2)
	if len(r.Lost) != 1 || net.NodeIndex(r.Lost[0].Node) != liar || r.Lost[0].Loss != fl.LossOutvoted || r.Lost[0].Agreed != 1 {
		t.Fatalf("round 2 lost the terms %+v, want that of node %d, outvoted", r.Lost, liar)
	}
	lost := r.Lost[0]
	wrong, ok, err := fl.LoadCommit(net.State(), net.JobID(), 2, lost.Term)
	if err != nil || !ok || wrong.Model == c.Model || c.Term != lost.Term+1 || c.Node == lost.Node || wrong.Set != c.Set {
		t.Fatalf("the lost commit is %+v, the final one %+v, error %v; want another model over the same set, in the next term", wrong, c, err)
	}
	for _, n := range net.Group().Nodes {
		a, ok, err := fl.LoadAttestation(net.State(), net.JobID(), 2, lost.Term, n.Node)
		if err != nil || !ok {
			t.Fatalf("node %s said nothing of the lost commit: %v", n.Node, err)
		}
		if n.Node != lost.Node && (a.Dissent != fl.DissentModel || a.Model != c.Model) {
			t.Errorf("node %s says %+v, want it to dissent with the model that became final", n.Node, a)
		}
	}
	if _, term := holder(t, net); !slices.Equal(term.Barred, []ledger.ID{lost.Node}) || term.Holder != c.Node {
		t.Errorf("the job ended in %+v, want the liar barred and its successor holding", term)
	}
	verified(t, net, 3)
	got := report(t, net)
	explains(t, got, 0, verify.Attested(3, 4), "node "+lost.Node.Short()+" outvoted in term 1 of round 2",
		"committed "+wrong.Model.Short(), "recomputed "+c.Model.Short()+" by 3 of 4")
	explains(t, got, 2, verify.Recomputed, "the updates give model "+c.Model.Short(), "node "+lost.Node.Short()+" committed "+wrong.Model.Short())

	honest := network(t, 17, 4, 3)
	begin(t, honest, small(3, 3))
	if out := end(t, honest, job.StateFinished, "", 3); out.Job.Model != mustJob(t, net).Model {
		t.Errorf("the job ended with model %s, without the lie with %s", mustJob(t, net).Model, out.Job.Model)
	}
}

func mustJob(t *testing.T, net *testnet.Net) *fl.Job {
	t.Helper()
	j, err := net.Job()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// deny has a node commit wrong averages and dissent from right ones.
func deny(net *testnet.Net, i int) testnet.TwistFunc {
	twist := lie(net, i)
	return func(ctx context.Context, method string, args any) error {
		if a, ok := args.(*fl.AttestRound); ok && a.Dissent == "" {
			a.Model[0] ^= 1
			a.Dissent = fl.DissentModel
		}
		return twist(ctx, method, args)
	}
}

// TestTwoCheatersOfFour: no commit can become final. The job ends once as many
// terms were lost as it allows, or once every node was outvoted.
func TestTwoCheatersOfFour(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		most   int64
		reason job.Reason
		lost   int
	}{{most: 3, reason: job.ReasonMaxTerms, lost: 3}, {most: 5, reason: job.ReasonOutvoted, lost: 4}} {
		t.Run(string(c.reason), func(t *testing.T) {
			t.Parallel()
			net := network(t, 22, 4, 3)
			for _, i := range []int{1, 2} {
				net.Twist(i, deny(net, i))
			}
			spec := small(2, 3)
			spec.MaxTerms = c.most
			begin(t, net, spec)
			end(t, net, job.StateFailed, c.reason, 0)
			r, _ := round(t, net, 1)
			if r.State != job.RoundFailed || len(r.Lost) != c.lost {
				t.Fatalf("round 1 ended as %s after the terms %+v, want it failed after %d", r.State, r.Lost, c.lost)
			}
			got := report(t, net)
			if got.First != nil || got.Incomplete || got.Rounds != 0 {
				t.Fatalf("verify: first %v, incomplete %t, %d rounds; the ledger is right about a round that failed", got.First, got.Incomplete, got.Rounds)
			}
			right := computed(t, net, 1)
			for i, lost := range r.Lost {
				said, ok, err := fl.LoadCommit(net.State(), net.JobID(), 1, lost.Term)
				if err != nil || !ok {
					t.Fatal(ok, err)
				}
				cheats := slices.Contains([]int{1, 2}, net.NodeIndex(lost.Node))
				if cheats == (said.Model == right) {
					t.Errorf("node %d committed %s, the updates give %s", net.NodeIndex(lost.Node), said.Model, right)
				}
				what := " committed "
				if i == len(r.Lost)-1 { // the newest is told of with what it refused
					what = " committed model "
				}
				explains(t, got, 1, verify.Recomputed, "the updates give model "+right.Short(), "node "+lost.Node.Short()+what+said.Model.Short())
			}
		})
	}
}

// computed returns the model that an honest node came to in a round, going by
// its word on the first lost commit.
func computed(t *testing.T, net *testnet.Net, number uint64) ledger.Digest {
	t.Helper()
	r, _ := round(t, net, number)
	for _, n := range net.Group().Nodes {
		if i := net.NodeIndex(n.Node); i != 0 && i != 3 {
			continue
		}
		a, ok, err := fl.LoadAttestation(net.State(), net.JobID(), number, r.Lost[0].Term, n.Node)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return a.Model
		}
	}
	t.Fatal("no honest node has had its say")
	return ledger.Digest{}
}

// TestNoQuorumPassesTheTermOn has all nodes keep their word on round 2 to
// themselves. Where they do so until its term is lost, the next holder's commit
// becomes final; where they go on with it, the job fails.
func TestNoQuorumPassesTheTermOn(t *testing.T) {
	t.Parallel()
	errMute := errors.New("this node says nothing")
	for _, c := range []struct {
		until  int
		state  job.State
		reason job.Reason
		finals uint64
	}{{until: 1, state: job.StateFinished, finals: 2}, {until: 2, state: job.StateFailed, reason: job.ReasonMaxTerms, finals: 1}} {
		t.Run(string(c.state), func(t *testing.T) {
			t.Parallel()
			net := network(t, 23, 4, 3)
			for i := range 4 {
				net.Twist(i, func(_ context.Context, method string, _ any) error {
					if method == fl.MethodAttestRound && mustJob(t, net).Round == 2 && lostTerms(t, net, 2) < c.until {
						return errMute
					}
					return nil
				})
			}
			spec := small(2, 3)
			spec.MaxTerms, spec.AttestTimeoutS = 2, 20
			begin(t, net, spec)
			end(t, net, c.state, c.reason, c.finals)
			r, _ := round(t, net, 2)
			if len(r.Lost) != c.until {
				t.Fatalf("round 2 lost the terms %+v, want %d", r.Lost, c.until)
			}
			for _, lost := range r.Lost {
				if waited := lost.Time - r.Closed; lost.Loss != fl.LossTimeout || lost.Dissented != 0 || waited < 20_000 {
					t.Errorf("term %d was lost as %+v %d ms after the round closed, want for want of a quorum after 20 s", lost.Term, lost, waited)
				}
			}
			if _, term := holder(t, net); len(term.Barred) != 0 || !slices.Contains(term.Lapsed, r.Lost[0].Node) {
				t.Errorf("the job ended in %+v, want nobody barred and the first holder lapsed", term)
			}
			if c.finals == 2 {
				verified(t, net, 2)
			}
			explains(t, report(t, net), 0, verify.Attested(int(r.Lost[0].Agreed), 4), "lost term", "no quorum in time")
		})
	}
}

func lostTerms(t *testing.T, net *testnet.Net, number uint64) int {
	t.Helper()
	if mustJob(t, net).Round < number {
		return 0
	}
	r, _ := round(t, net, number)
	return len(r.Lost)
}

// explains looks for a line about a round that says all of the words.
func explains(t *testing.T, r verify.Report, number uint64, basis verify.Basis, words ...string) {
	t.Helper()
	for _, l := range r.Lines {
		missing := slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l.What, w) })
		if l.Round == number && l.Basis == basis && !missing {
			return
		}
	}
	t.Errorf("no line about round %d says %v, %s: %+v", number, words, basis, r.Lines)
}

// TestWrongInitialModelIsOutvoted has the holder begin with a model of its own:
// the others outvote it and agree that what was trained from that is void.
func TestWrongInitialModelIsOutvoted(t *testing.T) {
	t.Parallel()
	net := network(t, 18, 4, 3)
	liar := -1
	for i := range 4 {
		net.Twist(i, func(ctx context.Context, method string, args any) error {
			if commit, ok := args.(*fl.CommitRound); ok && i == liar && commit.Input {
				*commit = fl.CommitRound{ // it does not give itself away
					Job: commit.Job, Round: commit.Round, Attempt: commit.Attempt, Term: commit.Term, Set: commit.Set,
					Model: ledger.Digest{1}, ModelSize: 1,
				}
				return nil
			}
			open, ok := args.(*fl.OpenRound)
			if method != fl.MethodOpenRound || !ok || open.Round != 1 || liar >= 0 {
				return nil
			}
			liar = i
			c := fl.CommitRound{Model: open.Model}
			err := lie(net, i)(ctx, fl.MethodCommitRound, &c)
			open.Model = c.Model
			return err
		})
	}
	begin(t, net, small(2, 3))
	until(t, net, func(*fl.Job) bool {
		r, ok, err := fl.LoadRound(net.State(), net.JobID(), 1)
		return err == nil && ok && (r.State == job.RoundVoid || r.Attempt == 2) // it may be opened again at once
	})
	void, ok, err := fl.LoadRound(net.State(), net.JobID(), 1)
	if err != nil || !ok || len(void.Lost) != 1 {
		t.Fatalf("round 1 is %+v, found %t, error %v, want one lost term", void, ok, err)
	}
	c, ok, err := fl.LoadCommit(net.State(), net.JobID(), 1, void.Lost[0].Term+1)
	if err != nil || !ok {
		t.Fatalf("the commit of the next term: found %t, error %v", ok, err)
	}
	if !c.Input || net.NodeIndex(c.Node) == liar || len(void.Lost) != 1 || net.NodeIndex(void.Lost[0].Node) != liar {
		t.Errorf("the round is void by %+v after %+v, want another node than %d to say that the input is wrong", c, void.Lost, liar)
	}
	for _, n := range net.Group().Nodes {
		a, ok, err := fl.LoadAttestation(net.State(), net.JobID(), 1, void.Lost[0].Term, n.Node)
		if err != nil {
			t.Fatal(err)
		}
		if ok && net.NodeIndex(n.Node) != liar && a.Dissent != fl.DissentInput {
			t.Errorf("node %s says %q, want %q", n.Node, a.Dissent, fl.DissentInput)
		}
	}
	end(t, net, job.StateFinished, "", 2)
	if r, _ := round(t, net, 1); r.Attempt != 2 || !slices.Equal(r.Lost, void.Lost) {
		t.Errorf("round 1 ended as %+v, want a second attempt from another model that remembers the lost term", r)
	}
	verified(t, net, 2)
	explains(t, report(t, net), 0, verify.Attested(3, 4), "outvoted in term 1 of round 1", "dissent because of input")
}

// TestLostAndDamagedFilesAreFetchedAgain takes updates and models away from
// single nodes, or damages them, while the job runs.
func TestLostAndDamagedFilesAreFetchedAgain(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(net *testnet.Net, node int, d ledger.Digest) error{
		"lost":    func(net *testnet.Net, i int, d ledger.Digest) error { return net.Blobs(i).Delete(t.Context(), d) },
		"damaged": func(net *testnet.Net, i int, d ledger.Digest) error { return net.Damage(i, d) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := network(t, 19, 4, 4)
			spec := small(2, 4)
			begin(t, net, spec)
			submitted(t, net, 1, 2)
			harmed := 0
			for i := range 4 {
				u := update(t, net, 1, net.PeerID(i))
				if u.State != fl.UpdateSubmitted {
					continue
				}
				for _, h := range u.Holders[:1] { // one of two; the other still has it
					if err := harm(net, net.NodeIndex(h), u.Digest); err != nil {
						t.Fatal(err)
					}
					harmed++
				}
			}
			if harmed < 2 {
				t.Fatalf("harmed %d files, want at least two", harmed)
			}
			until(t, net, func(j *fl.Job) bool { return j.Finals == 1 })
			// Whoever committed alone wrote the model; a second node has it once it attested.
			_, c := round(t, net, 1)
			if err := harm(net, net.NodeIndex(c.Node), c.Model); err != nil {
				t.Fatal(err)
			}
			end(t, net, job.StateFinished, "", 2)
			if _, c := round(t, net, 1); len(c.Refused) != 0 || c.Count != 4 {
				t.Errorf("round 1 averaged %d updates and refused %v, want all four", c.Count, c.Refused)
			}
			verified(t, net, 2)
		})
	}
}

// TestUpdateLostEverywhereIsUnavailable takes an update from every node.
func TestUpdateLostEverywhereIsUnavailable(t *testing.T) {
	t.Parallel()
	net := network(t, 20, 4, 4)
	net.Replace(3, silent) // keeps the round open while the file is taken away
	spec := small(1, 2)
	spec.MinAvailablePeers, spec.WaitAfterMinS = 4, 15
	begin(t, net, spec)
	submitted(t, net, 1, 3)
	victim := net.PeerID(0)
	u := update(t, net, 1, victim)
	for i := range 4 {
		if _, ok, err := net.Blobs(i).Has(t.Context(), u.Digest); err != nil {
			t.Fatal(err)
		} else if ok {
			if err := net.Blobs(i).Delete(t.Context(), u.Digest); err != nil {
				t.Fatal(err)
			}
		}
	}
	end(t, net, job.StateFinished, "", 1)
	if _, c := round(t, net, 1); !slices.Equal(c.Refused, []fl.Refused{{Peer: victim, Reason: "unavailable"}}) || c.Count != 2 {
		t.Errorf("the round refused %v and averaged %d, want the lost update unavailable and 2", c.Refused, c.Count)
	}
	verified(t, net, 1)
}

func TestCancelledJobStops(t *testing.T) {
	t.Parallel()
	net := network(t, 21, 4, 3)
	begin(t, net, small(5, 3))
	submitted(t, net, 2, 2)
	if err := net.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	end(t, net, job.StateCancelled, job.ReasonCreator, 1)
	records := net.Records()
	cancelled := net.Now()
	for range 200 { // whatever comes now, nobody submits anything for the job
		if err := net.Until(t.Context(), once()); err != nil {
			t.Fatal(err)
		}
	}
	if got := net.Records(); got != records {
		t.Errorf("%d records were appended in %d ms after the job had ended", got-records, net.Now()-cancelled)
	}
	if r := report(t, net); r.First != nil || r.Incomplete || r.Rounds != 1 {
		t.Errorf("verify: first %v, incomplete %t, %d rounds", r.First, r.Incomplete, r.Rounds)
	}
}

// once says no, then yes: one step of the simulation.
func once() func() (bool, error) {
	asked := false
	return func() (bool, error) {
		before := asked
		asked = true
		return before, nil
	}
}
