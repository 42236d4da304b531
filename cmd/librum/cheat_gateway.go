package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// cheatGatewayNode is the node that writes to the log past its own gateway;
// its organisation's officer plays along.
const cheatGatewayNode = 1

// kindCheater is the kind of what a cheat makes up.
const kindCheater = "cheater"

// smuggled is a transaction that no gateway lets in, and what execution is to
// say about it.
type smuggled struct {
	what string
	raw  []byte
	want ledger.Code
}

// gatewayCheat appends transactions straight to the log that a gateway would
// refuse, and records that are none. Every node must come to the same verdict
// about each, and the job must not notice.
func gatewayCheat(*job.Spec) *cheat {
	var offset uint64       // of the record with the transactions
	var list []smuggled     // in its order
	var lost map[string]int // digests of records to skip, with how often they were seen
	var differs error
	return &cheat{
		name: "gateway", summary: "a node appends what its gateway would refuse; all nodes fail or skip it alike",
		begin: func(ctx context.Context, s *cheatScene) (err error) {
			if list, err = smuggle(ctx, s); err != nil {
				return err
			}
			record := ledger.Record{Kind: ledger.RecordTransactions}
			for i := range list {
				record.Transactions = append(record.Transactions, list[i].raw)
			}
			own := s.secrets.Key(localnet.KindNode, cheatGatewayNode)
			raw, err := signRecord(s, cheatGatewayNode, own, record)
			if err != nil {
				return err
			}
			// Under another node's name, and bytes that are no record.
			foreign, err := signRecord(s, cheatGatewayNode+1, own, record)
			if err != nil {
				return err
			}
			garbage := bytes.Repeat([]byte("garbage "), 16)
			lost = map[string]int{}
			for _, b := range [][]byte{foreign, garbage} {
				if _, err := s.network.Log().Append(ctx, b); err != nil {
					return err
				}
				digest := ledger.Hash(b)
				lost[string(digest[:])] = 0
			}
			offset, err = s.network.Log().Append(ctx, raw)
			say(s.out, "cheat gateway: node %d wrote %d bad transactions and 2 bad records straight to the log", cheatGatewayNode, len(list))
			return err
		},
		end: func(ctx context.Context, s *cheatScene) error {
			differs = compareNodes(ctx, s, offset, list, lost)
			return nil
		},
		found: func(v *verifyResult) ([]string, error) {
			if differs != nil {
				return nil, differs
			}
			if !v.OK {
				return nil, unnoticed("verification ends with %v", v.First)
			}
			codes := make([]string, len(list))
			for i := range list {
				codes[i] = fmt.Sprintf("%s: %s", list[i].what, list[i].want)
			}
			return []string{fmt.Sprintf("every node alike: %s; %d records skipped; same chain hash, job finished", strings.Join(codes, ", "), len(lost))}, nil
		},
	}
}

// smuggle makes the transactions. An officer enrols a member and freezes it,
// the regular way, so that there is one who may not act any more.
func smuggle(ctx context.Context, s *cheatScene) ([]smuggled, error) {
	officer, frozen, member := s.secrets.ID(localnet.KindOfficer, cheatGatewayNode), s.secrets.ID(kindCheater, 0), s.secrets.ID(localnet.KindMember, 0)
	officerKey, frozenKey, memberKey := s.secrets.Key(localnet.KindOfficer, cheatGatewayNode), s.secrets.Key(kindCheater, 0), s.secrets.Key(localnet.KindMember, 0)
	delegate := s.secrets.Key(localnet.KindDelegate, 0)

	enrol, err := enrolCheater(s, cheatGatewayNode, identity.RoleMember)
	if err != nil {
		return nil, err
	}
	freeze, err := caller(s, officer, officerKey).Call(members.Name, members.MethodFreeze, &members.Change{Member: frozen}, callExpiry())
	if err != nil {
		return nil, err
	}
	for _, raw := range [][]byte{enrol, freeze} {
		if _, err := submitOK(ctx, s.network.Nodes[cheatGatewayNode].Node, [][]byte{raw}); err != nil {
			return nil, err
		}
	}

	list := []smuggled{{"replayed", freeze, "replayed"}, {"garbage", []byte("not a transaction"), "malformed"}}
	for _, c := range []struct {
		what   string
		sender ledger.ID
		claims *identity.Key // whose key id the envelope has
		signs  *identity.Key
		change func(*ledger.Transaction)
		want   ledger.Code
	}{
		{"forged", member, memberKey, frozenKey, nil, "bad_signature"},
		{"frozen", frozen, frozenKey, frozenKey, nil, "not_active"},
		{"expired", member, memberKey, memberKey, func(t *ledger.Transaction) { t.Expiry = s.network.Genesis.Time - 1 }, "expired"},
		{"another chain's", member, memberKey, memberKey, func(t *ledger.Transaction) { t.Chain[0]++ }, "wrong_chain"},
		{"somebody else's key", member, frozenKey, frozenKey, nil, "unknown_key"},
		{"a delegate's beyond its list", member, delegate, delegate, nil, "not_permitted"},
	} {
		t, err := caller(s, c.sender, c.signs).Draft(token.Name, "transfer", &token.Transfer{To: frozen}, callExpiry())
		if err != nil {
			return nil, err
		}
		if c.change != nil {
			c.change(&t)
		}
		e, err := t.Sign(c.claims.ID(), c.signs.Sign)
		if err != nil {
			return nil, err
		}
		list = append(list, smuggled{c.what, e.Bytes(), c.want})
	}
	return list, nil
}

// caller signs calls in a demo's network.
func caller(s *cheatScene, sender ledger.ID, key *identity.Key) *identity.Caller {
	return &identity.Caller{
		Chain: s.network.Chain, Shard: s.network.Genesis.Shard, Sender: sender, Key: key, Random: rand.Reader,
	}
}

// callExpiry is when a call that is made now expires, ms.
func callExpiry() int64 { return time.Now().Add(time.Minute).UnixMilli() }

// enrolCheater returns the transaction by which the officer of a node's
// organisation enrols the cheater, the regular way.
func enrolCheater(s *cheatScene, organisation int, role string) ([]byte, error) {
	cheater, key := s.secrets.ID(kindCheater, 0), s.secrets.Key(kindCheater, 0)
	possession := ledger.Possession{
		Version: ledger.Version, Chain: s.network.Chain, Shard: s.network.Genesis.Shard,
		Organisation: s.secrets.ID(localnet.KindOrganisation, organisation), Member: cheater, Key: key.Public(),
	}
	proof, err := possession.Sign(key.Sign)
	if err != nil {
		return nil, err
	}
	officer := caller(s, s.secrets.ID(localnet.KindOfficer, organisation), s.secrets.Key(localnet.KindOfficer, organisation))
	return officer.Call(members.Name, members.MethodEnrol, &members.Enrol{
		Member: cheater, Roles: []string{role}, Keys: []ledger.PublicKey{key.Public()}, Proofs: []members.Proof{proof},
		Evidence: []ledger.Digest{ledger.Hash([]byte("salt and evidence"))},
	}, callExpiry())
}

// signRecord returns a record in a node's name, signed by a key that may be
// another's.
func signRecord(s *cheatScene, index int, key *identity.Key, r ledger.Record) ([]byte, error) {
	r.Version, r.Chain, r.Shard, r.Epoch = ledger.Version, s.network.Chain, s.network.Genesis.Shard, s.network.Genesis.Group.Epoch
	r.Node, r.Time = s.secrets.ID(localnet.KindNode, index), time.Now().UnixMilli()
	e, err := r.Sign(key.ID(), key.Sign)
	return e.Bytes(), err
}

// compareNodes holds the blocks of all nodes against what was smuggled in, and
// their chain hashes against each other.
func compareNodes(ctx context.Context, s *cheatScene, offset uint64, list []smuggled, lost map[string]int) error {
	final := s.network.Nodes[0].Status().Final
	for i, n := range s.network.Nodes {
		final = min(final, n.Status().Final)
		codes := make([]ledger.Code, 0, len(list))
		for height := uint64(1); height <= final; height++ {
			block, hash, err := n.Block(ctx, height)
			if err != nil {
				return err
			}
			_, first, err := s.network.Nodes[0].Block(ctx, height)
			if err != nil {
				return err
			}
			if hash != first {
				return unnoticed("node %d has chain hash %s at height %d, node 0 has %s", i, hash, height, first)
			}
			for _, r := range block.Records {
				if _, ok := lost[string(r.Skipped)]; ok {
					lost[string(r.Skipped)]++
				}
			}
			for j := range block.Results {
				if block.Results[j].Position.Offset == offset {
					codes = append(codes, block.Results[j].Code)
				}
			}
		}
		if len(codes) != len(list) {
			return unnoticed("node %d has %d results for %d transactions", i, len(codes), len(list))
		}
		for j := range list {
			if codes[j] != list[j].want {
				return unnoticed("node %d says %s about %s, want %s", i, codes[j], list[j].what, list[j].want)
			}
		}
	}
	for _, seen := range lost {
		if seen != len(s.network.Nodes) {
			return unnoticed("%d of %d nodes have skipped a bad record", seen, len(s.network.Nodes))
		}
	}
	return nil
}
