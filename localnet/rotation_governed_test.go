package localnet_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// door is a token at the server; who changes it waits until nobody uses it.
type door struct {
	*client.Client

	users sync.RWMutex
}

// open makes a token the one that programs use from now on, and returns the one
// before it.
func (r *rotating) open(token string) *door {
	r.Helper()
	c, err := client.New(r.base, token, client.Options{HTTP: r.http})
	if err != nil {
		r.Fatal(err)
	}
	return r.door.Swap(&door{Client: c})
}

// enter returns the door in use, which is held until leave is called.
func (r *rotating) enter() (d *door, leave func()) {
	for {
		d = r.door.Load()
		d.users.RLock()
		if d == r.door.Load() {
			return d, d.users.RUnlock
		}
		d.users.RUnlock()
	}
}

// send has transactions executed, all of which must take effect.
func (r *rotating) send(raw ...[]byte) error {
	d, leave := r.enter()
	defer leave()
	outcomes, err := d.SubmitBatch(r.Context(), raw, client.Executed)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		if o.Code != ledger.CodeOK {
			return refusedError{o.Code, o.Detail}
		}
	}
	return nil
}

// refusedError is what a transaction came to that was not done.
type refusedError struct {
	code   ledger.Code
	detail string
}

func (e refusedError) Error() string { return fmt.Sprintf("%s: %s", e.code, e.detail) }

// call signs a call, has it executed and returns its id.
func (r *rotating) call(caller *identity.Caller, contract, method string, args any) (ledger.Digest, error) {
	raw, err := caller.Call(contract, method, args, time.Now().Add(time.Minute).UnixMilli())
	if err != nil {
		return ledger.Digest{}, err
	}
	_, envelope, err := ledger.ParseTransaction(raw)
	if err != nil {
		return ledger.Digest{}, err
	}
	return envelope.ID(ledger.KindTransaction), r.send(raw)
}

// possess proves a key for a member.
func (r *rotating) possess(organisation, member ledger.ID, key *identity.Key) members.Proof {
	possession := ledger.Possession{Version: ledger.Version, Chain: r.Chain, Organisation: organisation, Member: member, Key: key.Public()}
	proof, err := possession.Sign(key.Sign)
	if err != nil {
		r.Error(err)
	}
	return proof
}

// rotateKey puts a new key of a member on the ledger and signs with it from
// then on.
func (r *rotating) rotateKey(caller *identity.Caller, organisation ledger.ID, next *identity.Key) {
	_, err := r.call(caller, members.Name, members.MethodRotateKey, &members.RotateKey{
		Old: caller.Key.ID(), Key: next.Public(), Proof: r.possess(organisation, caller.Sender, next), Until: time.Now().Add(10 * time.Minute).UnixMilli(),
	})
	if err != nil {
		r.Errorf("member %s rotates: %v", caller.Sender.Short(), err)
		return
	}
	caller.Key = next
}

// nextKey puts a second key into a node's directory.
func (r *rotating) nextKey(dir localnet.Dir, node int) *localnet.Enrolment {
	r.Helper()
	e, err := dir.NextKey(node, r.secrets.ID(localnet.KindOrganisation, node), rand.Reader)
	if err != nil {
		r.Fatal(err)
	}
	return e
}

// rotateGoverned changes the key of the gateway, of an officer by its own hand,
// of another by the others', and of a second node, on which the new keys decide.
func (r *rotating) rotateGoverned(next []*localnet.Enrolment) {
	officers := make([]*identity.Caller, len(r.Nodes))
	for i := range officers {
		officers[i] = &identity.Caller{
			Chain: r.Chain, Sender: r.secrets.ID(localnet.KindOfficer, i), Key: r.secrets.Key(localnet.KindOfficer, i), Random: rand.Reader,
		}
	}
	rotate := func(e *localnet.Enrolment) governance.Action {
		return governance.Action{RotateNodeKey: &governance.RotateNodeKey{
			Node: e.Node.ID, Organisation: e.Organisation, Key: ledger.PublicKey(e.Node.Key), Proof: members.Proof(e.Node.Proof),
		}}
	}
	r.enact(officers[:3], rotate(next[0]))
	r.rotateKey(officers[2], r.secrets.ID(localnet.KindOrganisation, 2), r.secrets.Key("officer after", 2))
	organisation, old := r.secrets.ID(localnet.KindOrganisation, 3), officers[3].Sender
	officers[3] = &identity.Caller{
		Chain: r.Chain, Sender: r.secrets.ID("officer after", 3), Key: r.secrets.Key("officer after", 3), Random: rand.Reader,
	}
	r.enact(officers[:3], governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{
		Organisation: organisation, Old: old, New: officers[3].Sender, Key: officers[3].Key.Public(),
		Proof: r.possess(organisation, officers[3].Sender, officers[3].Key),
	}})
	r.enact(officers[1:], rotate(next[1]))
}

// enact has the first of a quorum of officers propose, the others approve, and
// sees the change become active at every node.
func (r *rotating) enact(officers []*identity.Caller, action governance.Action) {
	var height uint64
	var id ledger.Digest
	var err error
	for lead := uint64(10); lead <= 160; lead *= 2 { // blocks go on while officers agree, many where the machine is slow
		height = r.Nodes[0].Status().Height + lead
		id, err = r.agree(officers, action, height)
		if refused, ok := errors.AsType[refusedError](err); !ok || refused.code != governance.CodeTooLate {
			break
		}
	}
	if err != nil {
		r.Errorf("%s: %v", action.Name(), err)
		return
	}
	for i, n := range r.Nodes {
		s, err := n.Await(r.Context(), func(s node.Status) bool { return s.Final >= height })
		if err != nil {
			r.Error(err)
			return
		}
		p, ok, err := governance.LoadProposal(n.State(r.Context()), id)
		if err != nil || !ok || p.State != governance.StateActive {
			r.Errorf("node %d, final up to %d: %s is %+v, %v", i, s.Final, action.Name(), p, err)
		}
	}
}

// agree has officers propose and approve a change for a height.
func (r *rotating) agree(officers []*identity.Caller, action governance.Action, height uint64) (ledger.Digest, error) {
	id, err := r.call(officers[0], governance.Name, governance.MethodPropose, &governance.Propose{
		Action: action, Height: height, Expiry: time.Now().Add(time.Hour).UnixMilli(),
	})
	for _, officer := range officers[1:] {
		if err == nil {
			_, err = r.call(officer, governance.Name, governance.MethodApprove, &governance.Approve{Proposal: id})
		}
	}
	return id, err
}

// rotateToken makes a second token that signs for the member, has all use it,
// and revokes the first at the node and on the ledger.
func (r *rotating) rotateToken() {
	owner := client.Identity{Key: r.secrets.Key(localnet.KindMember, 0), Chain: r.Chain, Now: time.Now, Random: rand.Reader}
	caller := &identity.Caller{Chain: r.Chain, Sender: r.secrets.ID(localnet.KindMember, 0), Key: owner.Key, Random: rand.Reader}
	old := r.door.Load()
	err := r.signs(old)
	made, createErr := old.CreateToken(r.Context(), &owner, "the next", true, time.Hour)
	if err = errors.Join(err, createErr); err != nil {
		r.Errorf("make a token: %v", err)
		return
	}
	if _, err := r.call(caller, members.Name, members.MethodAddDelegate, &members.AddDelegate{
		Node: made.Node, Key: ledger.PublicKey(made.Key), Proof: members.Proof(made.Proof), Methods: []string{"fl.CancelJob", "fl.CreateJob"}, Expiry: made.Expiry.UnixMilli(),
	}); err != nil {
		r.Errorf("list the token's key: %v", err)
		return
	}
	r.open(made.Secret)
	next := r.door.Load()
	if err := errors.Join(r.signs(old), r.signs(next)); err != nil {
		r.Errorf("two tokens at once: %v", err)
	}
	old.users.Lock() // until the last request with the first one is answered
	defer old.users.Unlock()
	if err := next.RevokeToken(r.Context(), r.secrets.ID("token", 0)); err != nil {
		r.Errorf("revoke the first token: %v", err)
	}
	key := r.secrets.Key(localnet.KindDelegate, 0).ID()
	if _, err := r.call(caller, members.Name, members.MethodRevokeDelegate, &members.RevokeDelegate{Key: key}); err != nil {
		r.Errorf("revoke the first token's key: %v", err)
	}
	if _, err := members.DelegateAt(r.Nodes[0].State(r.Context()), caller.Sender, key, time.Now().UnixMilli()); err == nil {
		r.Error("the key of the first token may still sign")
	}
	var problem *client.Problem
	if _, err := old.Status(r.Context()); !errors.As(err, &problem) || problem.Status != http.StatusUnauthorized {
		r.Errorf("the first token is answered with %v", err)
	}
	if err := r.signs(next); err != nil {
		r.Errorf("after the first token is gone: %v", err)
	}
}

// signs has the delegate key behind a token sign: a job is made and cancelled.
func (r *rotating) signs(d *door) error {
	spec := job.Defaults()
	spec.Model.Layers = []int64{64, 10}
	j, err := d.CreateJob(r.Context(), spec, "")
	if err != nil {
		return err
	}
	_, err = d.CancelJob(r.Context(), j.ID)
	return err
}
