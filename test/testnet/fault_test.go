package testnet_test

import (
	"bytes"
	"context"
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
			if err := net.Start(dead); err != nil {
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
		if err := net.Start(i); err != nil {
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
		if err := net.Start(i); err != nil {
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

func TestWrongAverageIsOutvoted(t *testing.T) {
	t.Parallel()
	net := network(t, 17, 4, 3)
	for i := range 4 {
		twist := lie(net, i) // whoever commits lies; the others compute for themselves
		net.Twist(i, func(ctx context.Context, method string, args any) error {
			if j, err := net.Job(); err != nil || j.Round < 2 {
				return err
			}
			return twist(ctx, method, args)
		})
	}
	begin(t, net, small(3, 3))
	end(t, net, job.StateFailed, job.ReasonOutvoted, 1)
	r, c := round(t, net, 2)
	if r.State != job.RoundOutvoted || r.Agreed != 1 || r.Dissented < 2 {
		t.Errorf("round 2 ended as %s with %d for and %d against, want it outvoted", r.State, r.Agreed, r.Dissented)
	}
	dissents := 0
	for _, n := range net.Group().Nodes {
		a, ok, err := fl.LoadAttestation(net.State(), net.JobID(), 2, c.Term, n.Node)
		if err != nil {
			t.Fatal(err)
		}
		if ok && n.Node != c.Node {
			dissents++
			if a.Dissent != fl.DissentModel || a.Model == c.Model {
				t.Errorf("node %s says %+v, want it to dissent because of the model", n.Node, a)
			}
		}
	}
	if dissents < 2 {
		t.Errorf("%d nodes dissent, want at least two", dissents)
	}
	got := report(t, net)
	if got.First != nil || got.Incomplete || got.Rounds != 1 {
		t.Fatalf("verify: first %v, incomplete %t, %d rounds; the ledger is right about a lie that it found", got.First, got.Incomplete, got.Rounds)
	}
	explains(t, got, 2, verify.Recomputed, "outvoted", c.Node.Short(), c.Model.Short())
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

// TestWrongInitialModelIsOutvoted has the holder begin with a model of its own.
func TestWrongInitialModelIsOutvoted(t *testing.T) {
	t.Parallel()
	net := network(t, 18, 4, 3)
	for i := range 4 {
		net.Twist(i, func(ctx context.Context, method string, args any) error {
			open, ok := args.(*fl.OpenRound)
			if method != fl.MethodOpenRound || !ok || open.Round != 1 {
				return nil
			}
			c := fl.CommitRound{Model: open.Model}
			err := lie(net, i)(ctx, fl.MethodCommitRound, &c)
			open.Model = c.Model
			return err
		})
	}
	begin(t, net, small(2, 3))
	end(t, net, job.StateFailed, job.ReasonOutvoted, 0)
	r, c := round(t, net, 1)
	explains(t, report(t, net), 1, verify.Recomputed, "began with model", r.Model.Short())
	for _, n := range net.Group().Nodes {
		a, ok, err := fl.LoadAttestation(net.State(), net.JobID(), 1, c.Term, n.Node)
		if err != nil {
			t.Fatal(err)
		}
		// The holder itself lied only in what it opened, so it agrees.
		if ok && n.Node != c.Node && a.Dissent != fl.DissentInput {
			t.Errorf("node %s says %q, want %q", n.Node, a.Dissent, fl.DissentInput)
		}
	}
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
