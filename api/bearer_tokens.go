package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/api/bearer"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

const pathBearerTokens = "/v1/bearer-tokens" //nolint:gosec // a path

func (s *server) bearerTokenRoutes() {
	handle(s, huma.Operation{
		OperationID: "create-bearer-token", Method: http.MethodPost, Path: pathBearerTokens, Tags: []string{"identities"},
		Summary: "Ask for a bearer token",
		Description: "The body is a token request signed by the member's own key (COSE_Sign1, external_aad \"token-request\"); the request counts once. " +
			"A token that signs works once the ledger lists its key: sign identity.addDelegate with the node, key and proof of the answer.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: v1.MaxTokenRequestBytes + 1, SkipValidateBody: true,
		Security: []map[string][]string{},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			typeCOSE: {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}},
	}, s.createBearerToken)
	handle(s, huma.Operation{
		OperationID: "list-bearer-tokens", Method: http.MethodGet, Path: pathBearerTokens, Tags: []string{"identities"},
		Summary: "Tokens at this node, oldest first",
	}, s.bearerTokens)
	handle(s, huma.Operation{
		OperationID: "revoke-bearer-token", Method: http.MethodDelete, Path: pathBearerTokens + "/{id}", Tags: []string{"identities"},
		Summary:       "Revoke a token, at once and for good",
		Description:   "Its key stays on the ledger until the member signs identity.revokeDelegate; no token stands for it any more.",
		DefaultStatus: http.StatusNoContent,
	}, s.revokeBearerToken)
}

type bearerRequestInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte

	channel ledger.Digest
	unbound error
}

// Resolve implements [huma.Resolver].
func (in *bearerRequestInput) Resolve(ctx huma.Context) []error {
	in.channel, in.unbound = v1.Channel(ctx.TLS())
	return nil
}

func (s *server) createBearerToken(ctx context.Context, in *bearerRequestInput) (*body[v1.NewBearerToken], error) {
	if media, err := mediaType(in.ContentType); err != nil || media != typeCOSE {
		return nil, fail("unsupported_media_type", "want "+typeCOSE)
	}
	if in.unbound != nil {
		return nil, in.unbound
	}
	request, member, id, err := s.tokenRequest(ctx, in.RawBody, in.channel)
	if err != nil {
		return nil, err
	}
	secret, name, err := bearer.Draw(s.Random)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	token := bearer.Token{
		ID: name, Member: member, Name: request.Name, Created: now, Expiry: now.Add(time.Duration(request.Life) * time.Second),
		Request: id, RequestExpiry: time.UnixMilli(request.Expiry),
	}
	if request.Signs {
		if token.Key, err = identity.NewKey(s.Random); err != nil {
			return nil, err
		}
	}
	err = s.Tokens.Put(token, secret)
	switch {
	case errors.Is(err, bearer.ErrReplayed):
		err = fail(string(contract.CodeReplayed), "the request made a token before; sign a new one")
	case errors.Is(err, bearer.ErrTooFast):
		err = tooMany(v1.MaxRequestLife / 4)
	case errors.Is(err, bearer.ErrTooMany):
		err = fail("too_many_tokens", err.Error())
	}
	if err := s.audited(err, auditlog.Act{Member: member, Act: "token.create", Subject: token.ID.String()}); err != nil {
		if failed := s.Tokens.Revoke(token.ID); failed != nil && !errors.Is(failed, bearer.ErrNotFound) { // its secret is told to nobody
			s.Logger.LogAttrs(ctx, slog.LevelError, "drop a token that was not recorded", slog.Any("error", failed))
		}
		return nil, err
	}
	shown, err := s.showToken(ctx, &token, nil)
	return &body[v1.NewBearerToken]{Body: v1.NewBearerToken{BearerToken: shown, Secret: secret}}, err
}

// tokenRequest reads a request and proves whose it is. It returns the member
// and the request's id.
func (s *server) tokenRequest(ctx context.Context, b []byte, channel ledger.Digest) (v1.TokenRequest, ledger.ID, ledger.Digest, error) {
	var member ledger.ID
	request, envelope, err := v1.ParseTokenRequest(b)
	if err != nil {
		return request, member, ledger.Digest{}, err
	}
	signed := envelope.SigStructure(ledger.KindTokenRequest)
	id := ledger.Hash(signed)
	now, config := s.Now(), s.Node.Config()
	switch {
	case request.Version != ledger.Version || request.Chain != config.Chain:
		return request, member, id, fail(string(contract.CodeWrongChain), "this is chain "+config.Chain.String())
	case request.Node != config.Self:
		return request, member, id, fail(string(contract.CodeWrongChain), "the request is for another node, this is "+config.Self.String())
	case request.Channel != channel:
		return request, member, id, fail("wrong_channel", "the request was signed for another connection, or passed on; TLS must end at this node")
	case now.UnixMilli() >= request.Expiry:
		return request, member, id, fail(string(contract.CodeExpired), fmt.Sprintf("expired at %d, this node's clock says %d", request.Expiry, now.UnixMilli()))
	case request.Expiry > now.Add(v1.MaxRequestLife).UnixMilli():
		return request, member, id, fail(string(contract.CodeExpiryTooFar), fmt.Sprintf("at most %s ahead, this node's clock says %d", v1.MaxRequestLife, now.UnixMilli()))
	case request.Life == 0 || request.Life > uint64(v1.MaxTokenLife/time.Second):
		return request, member, id, fail(string(contract.CodeBadArguments), fmt.Sprintf("life: %d seconds, want 1 to %d", request.Life, v1.MaxTokenLife/time.Second))
	case !printable(request.Name):
		return request, member, id, fail(string(contract.CodeBadArguments), fmt.Sprintf("name: want up to %d bytes of printable text", v1.MaxTokenName))
	}
	owner, ok, err := contract.LoadFrom[members.KeyOwner](s.Node.State(ctx), members.KeyRow(envelope.Key))
	if err != nil {
		return request, member, id, err
	}
	if !ok || owner.Delegate {
		return request, member, id, fail(string(contract.CodeUnknownKey), "want a signature of a member's own key")
	}
	logTime := max(s.Node.Status().LogTime, now.UnixMilli())
	row, err := members.ActiveAt(s.Node.State(ctx), owner.Member, logTime)
	if err != nil {
		return request, member, id, err
	}
	key, ok := row.KeyAt(envelope.Key, logTime)
	if !ok {
		return request, member, id, fail(string(contract.CodeUnknownKey), "the key is not valid at this time")
	}
	if !config.Verify(key, signed, envelope.Signature) {
		return request, member, id, fail(string(contract.CodeBadSignature), "not a signature of key "+envelope.Key.Short())
	}
	return request, owner.Member, id, nil
}

func printable(name string) bool {
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return len(name) <= v1.MaxTokenName
}

func (s *server) bearerTokens(ctx context.Context, _ *struct{}) (*body[v1.BearerTokens], error) {
	c := callerOf(ctx)
	whose := c.Member
	if c.scope == ScopeAll {
		whose = ledger.ID{}
	}
	list := s.Tokens.List(whose)
	out := &body[v1.BearerTokens]{Body: v1.BearerTokens{Tokens: make([]v1.BearerToken, len(list))}}
	for i := range list {
		shown, err := s.showToken(ctx, &list[i], c)
		if err != nil {
			return nil, err
		}
		out.Body.Tokens[i] = shown
	}
	return out, nil
}

// showToken shows a token to a caller, which is nil where it was made just now.
func (s *server) showToken(ctx context.Context, t *bearer.Token, c *caller) (v1.BearerToken, error) {
	out := v1.BearerToken{
		ID: t.ID, Member: t.Member, Name: t.Name, Node: s.Node.Config().Self,
		Created: t.Created.UTC(), Expiry: t.Expiry.UTC(), Current: c != nil && c.ID == t.ID,
	}
	if t.Key == nil {
		return out, nil
	}
	public := t.Key.Public()
	out.Key, out.KeyID = public[:], t.Key.ID().String()
	if d, err := members.DelegateAt(s.Node.State(ctx), t.Member, t.Key.ID(), s.Now().UnixMilli()); err == nil {
		out.Methods = d.Methods
	}
	if c != nil && c.Member != t.Member { // only the member can use it, and it costs a signature
		return out, nil
	}
	proof, err := s.possession(ctx, t)
	out.Proof = proof
	return out, err
}

// possession has the token's key sign that it is to be the member's, without
// which the ledger does not list it.
func (s *server) possession(ctx context.Context, t *bearer.Token) ([]byte, error) {
	member, ok, err := contract.LoadFrom[members.Member](s.Node.State(ctx), members.MemberRow(t.Member))
	if err != nil || !ok {
		return nil, err
	}
	p := ledger.Possession{
		Version: ledger.Version, Chain: s.Node.Config().Chain, Shard: s.genesis.Shard,
		Organisation: member.Organisation, Member: t.Member, Key: t.Key.Public(),
	}
	proof, err := p.Sign(t.Key.Sign)
	if err != nil {
		return nil, fmt.Errorf("prove that key %s is held: %w", p.Key.ID().Short(), err)
	}
	return proof[:], nil
}

type bearerTokenPath struct {
	ID ledger.ID `path:"id" doc:"Id of the token, not its secret."`
}

func (s *server) revokeBearerToken(ctx context.Context, in *bearerTokenPath) (*struct{}, error) {
	c := callerOf(ctx)
	t, err := s.Tokens.Get(in.ID)
	if err == nil && !c.owns(t.Member) {
		// Ids of others' tokens are nobody's business.
		err = bearer.ErrNotFound
	}
	if err == nil {
		err = s.Tokens.Revoke(in.ID)
	}
	if errors.Is(err, bearer.ErrNotFound) {
		err = fail("not_found", "no token "+in.ID.String()+" of yours")
	}
	return nil, s.audited(err, auditlog.Act{Member: c.Member, Token: c.ID, Act: "token.revoke", Subject: in.ID.String()})
}
