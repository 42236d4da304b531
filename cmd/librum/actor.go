package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// actorFlags say who signs a command's transactions.
type actorFlags struct {
	*serverFlags

	identity   string
	passphrase *passphraseFlag
}

// addActorFlags gives a command the flags. The flag that names the key says what
// for.
func addActorFlags(cmd *cobra.Command, server *serverFlags, flag, who string) *actorFlags {
	f := &actorFlags{serverFlags: server}
	flags := cmd.Flags()
	flags.StringVar(&f.identity, flag, "", "file with the key of "+who+", or pkcs11: URI of a token's")
	f.passphrase = addPassphraseFlag(flags, flag+"-passphrase-file", "that key")
	return f
}

// actor signs and submits calls of contracts for one member.
type actor struct {
	client *client.Client
	caller identity.Caller
}

// act opens key and connection; the chain is the one that the anchor names.
func (f *actorFlags) act(ctx context.Context, anchor ledger.Digest) (*actor, error) {
	if f.identity == "" {
		return nil, wrongUse(errors.New("name the file with the key that signs"))
	}
	key, err := keyfile.Load(f.identity, f.passphrase.ask)
	if err != nil {
		return nil, wrongUse(err)
	}
	f.chain = anchor
	who := &client.Identity{Key: key, Chain: anchor, Name: "librum", Now: time.Now, Random: rand.Reader}
	c, err := f.connectAs(who, retriesOnce)
	if err != nil {
		return nil, err
	}
	genesis, err := anchored(ctx, c, anchor, slog.New(slog.DiscardHandler), false)
	if err != nil {
		return nil, err
	}
	a := &actor{client: c, caller: identity.Caller{Chain: anchor, Shard: genesis.Shard, Key: key, Random: rand.Reader}}
	tokens, err := c.Tokens(ctx)
	if err != nil {
		return nil, answered(err)
	}
	for _, t := range tokens {
		if t.Current { // a node that lies about whose the key is gets a signature that counts for nothing
			a.caller.Sender = t.Member
		}
	}
	return a, nil
}

// submitLife is how long a signed call may wait for its place on the ledger,
// where the limits in force allow that.
const submitLife = 2 * time.Minute

// expiry returns when a call that is signed now expires, ms. Half of what the
// limits in force allow is for log time, which lags behind the clock.
func expiry(ctx context.Context, c *client.Client) (int64, error) {
	g, err := c.Governance(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask how far ahead an expiry may lie: %w", err)
	}
	life := min(submitLife, time.Duration(g.Limits.MaxTTL)*time.Millisecond/2)
	return time.Now().Add(life).UnixMilli(), nil
}

// submitCall signs one call and returns what became of it. Where the limit was
// lowered on the way, it is signed once more.
func submitCall(ctx context.Context, c *client.Client, caller *identity.Caller, of, method string, args any) (v1.Transaction, error) {
	for again := true; ; again = false {
		expires, err := expiry(ctx, c)
		if err != nil {
			return v1.Transaction{}, err
		}
		raw, err := caller.Call(of, method, args, expires)
		if err != nil {
			return v1.Transaction{}, err
		}
		t, err := c.Submit(ctx, raw, client.Executed)
		if !again || !client.IsCode(err, string(contract.CodeExpiryTooFar)) {
			return t, err
		}
	}
}

// submit signs one call of the contract identity.
func (a *actor) submit(ctx context.Context, method string, args any) (v1.Transaction, error) {
	return a.submitTo(ctx, members.Name, method, args)
}

// submitTo signs one call of a contract and returns what became of it. One that
// was refused is an error.
func (a *actor) submitTo(ctx context.Context, of, method string, args any) (v1.Transaction, error) {
	t, err := submitCall(ctx, a.client, &a.caller, of, method, args)
	if err != nil {
		return t, answered(err)
	}
	if t.Code != ledger.CodeOK {
		return t, fmt.Errorf("%s: %s: %s", method, t.Code, t.Detail)
	}
	return t, nil
}

// standing returns what the ledger says about a member, nil where it knows none.
func (a *actor) standing(ctx context.Context, id ledger.ID) (*v1.Member, error) {
	account, err := a.client.Account(ctx, id)
	if client.IsCode(err, string(contract.CodeNotFound)) {
		return nil, nil //nolint:nilnil // nobody
	}
	if err != nil {
		return nil, answered(err)
	}
	return account.Member, nil
}

// holds reports whether a member has the key.
func holds(m *v1.Member, key ledger.Digest) bool {
	if m == nil {
		return false
	}
	for _, k := range m.Keys {
		if k.ID == key {
			return true
		}
	}
	return false
}
