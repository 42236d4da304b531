package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/librum/librum/api/bearer"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// caller is who a request comes from: a token whose member may act, and whose
// key, if it has one, the ledger lists at this moment.
type caller struct {
	bearer.Token

	row     *members.Member
	methods []string // that the key may sign, as the ledger says
	home    bool     // an operator of the organisation of this node
	as      uint64   // the offset behind the record, of those that change members, as of which the ledger says so
	until   int64    // ms, from which on it may not hold by the passing of time
	scope   Scope    // at the route it asked
}

// callerKey is the key of the *caller in a request's context.
type callerKey struct{}

// callerOf returns who a request comes from. Routes behind the door's check have
// one always.
func callerOf(ctx context.Context) *caller {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return &caller{row: &members.Member{}}
	}
	return c
}

// secretOf returns the bearer token of a request (RFC 6750 §2.1).
func secretOf(r *http.Request) (string, bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return secret, ok && strings.EqualFold(scheme, "Bearer")
}

// identify finds out who a request comes from. It reads a few rows of the state, once
// for each token and record that changes members: a member that was frozen, and a key
// that was revoked, are shut out at once.
func (s *server) identify(r *http.Request) (*caller, error) {
	secret, ok := secretOf(r)
	if !ok {
		return nil, s.unauthorized("send the header Authorization: Bearer TOKEN")
	}
	token, ok := s.Tokens.Find(secret)
	if !ok {
		return nil, s.unauthorized("this node knows no such token, or no more")
	}
	// Log time stands still while nothing happens; what has expired by this
	// node's clock must not be used meanwhile.
	status := s.Node.Status() // before the state, which may be newer
	now := max(status.LogTime, s.Now().UnixMilli())
	if c, ok := s.remembered.still(token.ID, status.Members, now); ok {
		return c, nil
	}
	row, err := members.ActiveAt(s.Node.State(r.Context()), token.Member, now)
	if err != nil {
		return nil, err
	}
	c := &caller{Token: token, row: row, as: status.Members, until: math.MaxInt64}
	if row.Expiry != 0 {
		c.until = row.Expiry
	}
	if row.Has(identity.RoleOperator) {
		if c.home, err = s.isHome(r.Context(), row.Organisation); err != nil {
			return nil, err
		}
	}
	if token.ReadOnly() {
		return c, nil
	}
	delegate, err := members.DelegateAt(s.Node.State(r.Context()), token.Member, token.Key.ID(), now)
	if refused := (*contract.Error)(nil); errors.As(err, &refused) {
		return nil, s.unauthorized(fmt.Sprintf("the ledger does not list the token's key %s as the member's delegate, or no more: sign identity.addDelegate",
			token.Key.ID().Short()))
	}
	if err != nil {
		return nil, err
	}
	if delegate.Node != s.Node.Config().Self {
		return nil, s.unauthorized("the ledger lists the token's key for another node")
	}
	c.methods, c.until = delegate.Methods, min(c.until, delegate.Expiry)
	return c, nil
}

// isHome reports whether this node is of the organisation: as the ledger says,
// also of a node that came after the genesis.
func (s *server) isHome(ctx context.Context, organisation ledger.ID) (bool, error) {
	self, ok, err := contract.LoadFrom[members.Member](s.Node.State(ctx), members.MemberRow(s.Node.Config().Self))
	return ok && self.Organisation == organisation, err
}

// unauthorized refuses a request without a token that counts. The header says
// what a request for one must name.
func (s *server) unauthorized(detail string) *failure {
	config := s.Node.Config()
	return fail("unauthorized", detail).with("WWW-Authenticate",
		fmt.Sprintf(`Bearer realm="librum", chain="%s", node="%s"`, config.Chain, config.Self))
}

// permit refuses a caller whose roles do not open the operation, and notes its
// scope there.
func (s *server) permit(ctx context.Context, operation string) (context.Context, error) {
	c := *callerOf(ctx)
	row, ok := s.access[operation]
	if ok {
		c.scope = row.scopeOf(c.row, c.home)
	}
	if c.scope == ScopeNone {
		return ctx, notPermitted("%s is %s here. %s", c.Member, strings.Join(c.row.Roles, ", "), row.describe())
	}
	return context.WithValue(ctx, callerKey{}, &c), nil
}

func notPermitted(format string, args ...any) error {
	return fail(string(contract.CodeNotPermitted), fmt.Sprintf(format, args...))
}

// owns reports whether what belongs to a member is the caller's to see.
func (c *caller) owns(member ledger.ID) bool { return c.scope == ScopeAll || c.Member == member }

func (c *caller) isOfficerOf(organisation ledger.ID) bool {
	return c.row.Has(identity.RoleOfficer) && c.row.Organisation == organisation
}

// only refuses what belongs to another member.
func (c *caller) only(what string, member ledger.ID) error {
	if c.owns(member) {
		return nil
	}
	return notPermitted("%s is not member %s's", what, c.Member)
}

// delegatedLife is how long a transaction that this node signs for its member
// may wait for its place on the log.
const delegatedLife = 2 * time.Minute

// act signs a transaction for the token's member and waits until this node has
// executed it.
func (s *server) act(ctx context.Context, method string, args any) (v1.Transaction, error) {
	c := callerOf(ctx)
	if c.ReadOnly() || !slices.Contains(c.methods, fl.Name+"."+method) {
		return v1.Transaction{}, notPermitted("the token may not sign %s.%s; it may sign %v", fl.Name, method, c.methods)
	}
	sender := identity.Caller{
		Chain: s.Node.Config().Chain, Shard: s.genesis.Shard, Sender: c.Member, Key: c.Key, Random: s.Random,
	}
	signed, err := sender.Call(fl.Name, method, args, s.Node.Expiry(delegatedLife))
	if err != nil {
		return v1.Transaction{}, err
	}
	outcomes, err := s.execute(ctx, [][]byte{signed}, false)
	if err != nil {
		return v1.Transaction{}, err
	}
	return s.outcome(&outcomes[0], s.Node.Status()), nil
}
