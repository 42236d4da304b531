package api_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/api"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// accessDoc writes the table of docs/door.md.
func accessDoc() string {
	var b strings.Builder
	b.WriteString("| operations | member | peer | operator | officer | auditor | own is what is |\n|---|---|---|---|---|---|---|\n")
	for _, row := range api.AccessTable() {
		fmt.Fprintf(&b, "| `%s`", strings.Join(row.Operations, "`, `"))
		for _, scope := range []api.Scope{row.Member, row.Peer, row.Operator, row.Officer, row.Auditor} {
			fmt.Fprintf(&b, " | %s", scope)
		}
		own := row.Own
		if own == "" {
			own = "–"
		}
		fmt.Fprintf(&b, " | %s |\n", own)
	}
	text := b.String()
	for strings.Contains(text, "|  |") { // neighbours share a bar
		text = strings.ReplaceAll(text, "|  |", "| – |")
	}
	return text
}

func TestDocumentedAccessIsTheTable(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../docs/door.md")
	if err != nil {
		t.Fatal(err)
	}
	want := accessDoc()
	if !strings.Contains(string(b), want) {
		t.Errorf("docs/door.md lacks this table:\n%s", want)
	}
}

// refused fails the test where err is no problem of that kind.
func refused(t *testing.T, what, code string, err error) {
	t.Helper()
	if !client.IsCode(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// A peer sees its own tasks, uploads and jobs, and nobody else's.
func TestPeersSeeTheirOwn(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 3})
	task := f.openRound(t, 2) // peer 2 is not asked
	ctx := t.Context()
	asked, other, idle := f.as(t, localnet.KindPeer, 0), f.as(t, localnet.KindPeer, 1), f.as(t, localnet.KindPeer, 2)
	self := f.secrets.ID(localnet.KindPeer, 0)

	_, err := other.client.Task(ctx, self, 0)
	refused(t, "another's task", "not_permitted", err)
	u := client.NewUpload(task.Job, task.Round, self, []byte("an update"))
	_, err = other.client.Upload(ctx, u, strings.NewReader("an update"))
	refused(t, "an upload for another", "not_permitted", err)
	done := f.send(t, task, 0, []byte("an update"))
	for _, method := range []string{http.MethodGet, http.MethodPatch} {
		status, header, b := other.ask(t, method, "/v1/uploads/"+done.ID.String(), "application/offset+octet-stream", nil, "Upload-Offset", "0")
		if p := problem(t, status, header, b); p.Code() != "not_permitted" {
			t.Errorf("%s another's upload: %s", method, b)
		}
	}
	for who, may := range map[*fixture]bool{asked: true, other: true, idle: false, f.as(t, localnet.KindAccount, 0): false} {
		_, err := who.client.Job(ctx, task.Job)
		_, roundsErr := who.client.Rounds(ctx, task.Job, client.Page{})
		content, modelErr := who.client.Blob(ctx, task.Model.Digest)
		if modelErr == nil {
			modelErr = content.Close()
		}
		jobs, listErr := who.client.Jobs(ctx, client.Page{})
		if listErr != nil || len(jobs.Jobs) == 1 != may {
			t.Errorf("jobs %+v, %v, may %t", jobs, listErr, may)
		}
		for what, err := range map[string]error{"job": err, "rounds": roundsErr, "model": modelErr} {
			if may && err != nil {
				t.Errorf("its own %s: %v", what, err)
			}
			if !may {
				refused(t, "another's "+what, "not_permitted", err)
			}
		}
	}
	peers, err := asked.client.Peers(ctx, client.Page{})
	if err != nil || len(peers.Peers) != 1 || peers.Peers[0].ID != self {
		t.Errorf("peers %+v, %v", peers, err)
	}
	_, err = asked.client.Peer(ctx, f.secrets.ID(localnet.KindPeer, 1))
	refused(t, "another peer", "not_permitted", err)
	_, err = asked.client.CreateJob(ctx, smallSpec(1, 1), "")
	refused(t, "a job of a peer's", "not_permitted", err)
	refused(t, "metrics", "not_permitted", metricsOf(t, asked))
	refused(t, "another organisation's account", "not_permitted", accountOf(ctx, asked, f.secrets.ID(localnet.KindAccount, 1)))
	if err := accountOf(ctx, asked, self); err != nil {
		t.Errorf("its own account: %v", err)
	}
}

func metricsOf(t *testing.T, f *fixture) error {
	t.Helper()
	status, header, b := f.ask(t, http.MethodGet, "/metrics", "", nil)
	if status == http.StatusOK {
		return nil
	}
	return &client.Problem{Problem: *problem(t, status, header, b)}
}

func accountOf(ctx context.Context, f *fixture, id ledger.ID) error {
	_, err := f.client.Account(ctx, id)
	return err
}

// An officer sees the accounts of its organisation, a sender its transactions,
// an auditor everything; an operator of another organisation sees no metrics.
func TestRolesReadWhatIsTheirs(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	ctx := t.Context()
	tx, err := f.client.Submit(ctx, f.transfer(t, 1), client.Final)
	if err != nil {
		t.Fatal(err)
	}
	officer, sender, other := f.as(t, localnet.KindOfficer, 0), f.as(t, localnet.KindAccount, 0), f.as(t, localnet.KindAccount, 1)
	if err := accountOf(ctx, officer, f.secrets.ID(localnet.KindAccount, 0)); err != nil { // both of organisation 0
		t.Errorf("an officer's member: %v", err)
	}
	refused(t, "another organisation's member", "not_permitted", accountOf(ctx, officer, f.secrets.ID(localnet.KindAccount, 1)))
	refused(t, "another's account", "not_permitted", accountOf(ctx, other, f.secrets.ID(localnet.KindAccount, 0)))
	if _, err := sender.client.Transaction(ctx, tx.ID); err != nil {
		t.Errorf("its own transaction: %v", err)
	}
	if _, err := sender.client.Proof(ctx, tx.ID); err != nil {
		t.Errorf("the proof of its own transaction: %v", err)
	}
	_, err = other.client.Transaction(ctx, tx.ID)
	refused(t, "another's transaction", "not_permitted", err)
	_, err = other.client.Proof(ctx, tx.ID)
	refused(t, "another's proof", "not_permitted", err)
	if _, err := f.client.Transaction(ctx, tx.ID); err != nil { // the network's token is an auditor's
		t.Errorf("an auditor: %v", err)
	}

	for organisation, code := range []string{"", "not_permitted"} {
		key := identity.KeyFromSeed([32]byte{9, byte(organisation)})
		enrolled := ledger.ID{9, byte(organisation)}
		possession := ledger.Possession{
			Version: ledger.Version, Chain: f.Chain, Organisation: f.secrets.ID(localnet.KindOrganisation, organisation),
			Member: enrolled, Key: key.Public(),
		}
		proof, err := possession.Sign(key.Sign)
		if err != nil {
			t.Fatal(err)
		}
		f.orderBy(t, localnet.KindOfficer, organisation, members.MethodEnrol, &members.Enrol{
			Member: enrolled, Roles: []string{identity.RoleOperator}, Keys: []ledger.PublicKey{key.Public()}, Proofs: []members.Proof{proof}, Evidence: []ledger.Digest{{1}},
		})
		who := f.withKey(t, key)
		if err := metricsOf(t, who); code == "" && err != nil || code != "" && !client.IsCode(err, code) {
			t.Errorf("metrics for an operator of organisation %d: %v, want %q", organisation, err, code)
		}
		_, err = who.client.Jobs(ctx, client.Page{})
		refused(t, "jobs for an operator", "not_permitted", err)
	}
}

// withKey returns the fixture with a token of whoever has the key.
func (f *fixture) withKey(t *testing.T, key *identity.Key) *fixture {
	t.Helper()
	made, err := f.client.CreateToken(t.Context(), &client.Identity{Key: key, Now: time.Now, Random: random{}}, "", false, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return f.withToken(t, made.Secret)
}

type random struct{}

func (random) Read(b []byte) (int, error) {
	n := nonce()
	return copy(b, n[:]), nil
}

// orderBy submits a call of the contract identity.
func (f *fixture) orderBy(t *testing.T, kind string, index int, method string, args any) {
	t.Helper()
	if _, err := f.client.Submit(t.Context(), f.signed(t, kind, index, f.secrets.Key(kind, index), members.Name, method, args), client.Executed); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// signed returns a call of a member's, signed by the key.
func (f *fixture) signed(t *testing.T, kind string, index int, key *identity.Key, contract, method string, args any) []byte {
	t.Helper()
	caller := identity.Caller{Chain: f.Chain, Sender: f.secrets.ID(kind, index), Key: key, Random: random{}}
	b, err := caller.Call(contract, method, args, time.Now().Add(time.Minute).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// possession is the key's word that it is to be the member's, who is of the
// first organisation.
func (f *fixture) possession(t *testing.T, kind string, index int, key *identity.Key) members.Proof {
	t.Helper()
	p := ledger.Possession{
		Version: ledger.Version, Chain: f.Chain, Organisation: f.Genesis.Organisations[0].ID, Member: f.secrets.ID(kind, index), Key: key.Public(),
	}
	proof, err := p.Sign(key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// delegate gives a member a token that signs, and lists its key.
func (f *fixture) delegate(t *testing.T, kind string, index int, change func(*members.AddDelegate)) v1.NewBearerToken {
	t.Helper()
	made := f.bearer(t, f.url, kind, index, true)
	args := &members.AddDelegate{
		Node: made.Node, Key: ledger.PublicKey(made.Key), Proof: members.Proof(made.Proof), Methods: []string{"fl.CreateJob"}, Expiry: made.Expiry.UnixMilli(),
	}
	if change != nil {
		change(args)
	}
	f.orderBy(t, kind, index, members.MethodAddDelegate, args)
	return made
}

// A stolen token opens no more than its member allowed, and nothing once the
// member has taken it back.
func TestStolenToken(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	ctx := t.Context()
	unlisted := f.bearer(t, f.url, localnet.KindAccount, 0, true)
	_, err := f.withToken(t, unlisted.Secret).client.Status(ctx)
	refused(t, "before the ledger lists its key", "unauthorized", err)

	limit := ledger.NewAmount(5)
	made := f.delegate(t, localnet.KindAccount, 0, func(a *members.AddDelegate) {
		a.Methods, a.Spend = []string{"fl.CreateJob", "token.transfer"}, &limit
	})
	thief := f.withToken(t, made.Secret)
	j, err := thief.client.CreateJob(ctx, smallSpec(1, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = thief.client.CancelJob(ctx, j.ID)
	refused(t, "a method outside its list", "not_permitted", err)

	// The node itself, or who stole its key, is held by the ledger.
	held, err := f.Nodes[0].Tokens.Get(made.ID)
	if err != nil {
		t.Fatal(err)
	}
	spend := func(amount uint64) error {
		args := &token.Transfer{To: f.secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(amount)}
		_, err := thief.client.Submit(ctx, f.signed(t, localnet.KindAccount, 0, held.Key, token.Name, "transfer", args), client.Executed)
		return err
	}
	if err := spend(4); err != nil {
		t.Errorf("within its limit: %v", err)
	}
	refused(t, "over its limit", "over_limit", spend(2))

	second, err := client.New(f.serveNode(t, 1), made.Secret, client.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_, err = second.Status(ctx)
	refused(t, "at another node", "unauthorized", err)

	f.orderBy(t, localnet.KindAccount, 0, members.MethodRevokeDelegate, &members.RevokeDelegate{Key: held.Key.ID()})
	_, err = thief.client.Status(ctx)
	refused(t, "after its key was revoked", "unauthorized", err)
	refused(t, "signed after its key was revoked", "unauthorized", spend(0))

	reader := f.as(t, localnet.KindAccount, 2)
	if _, err := reader.client.Status(ctx); err != nil {
		t.Errorf("a token that reads: %v", err)
	}
	f.orderBy(t, localnet.KindOfficer, 2, members.MethodFreeze, &members.Change{Member: f.secrets.ID(localnet.KindAccount, 2)})
	_, err = reader.client.Status(ctx)
	refused(t, "after its member was frozen", "not_active", err)

	again := f.as(t, localnet.KindAccount, 1)
	list, err := again.client.Tokens(ctx)
	if err != nil || len(list) != 1 || !list[0].Current {
		t.Fatalf("tokens %+v, %v", list, err)
	}
	refused(t, "revoke another's token", "not_found", again.client.RevokeToken(ctx, made.ID))
	if err := again.client.RevokeToken(ctx, list[0].ID); err != nil {
		t.Fatal(err)
	}
	_, err = again.client.Status(ctx)
	refused(t, "after it was revoked", "unauthorized", err)
}

// Who follows a job is shut out as soon as the token is revoked or its member
// frozen, not when the job ends.
func TestStreamsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	f := start(t, options{limits: limitsOf(20 * time.Millisecond)})
	ctx := t.Context()
	j, err := f.withToken(t, f.delegate(t, localnet.KindAccount, 0, nil).Secret).client.CreateJob(ctx, smallSpec(1, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	owner := f.as(t, localnet.KindAccount, 0)
	for _, c := range []struct {
		name string
		end  func(token ledger.ID)
	}{
		{"revoked", func(token ledger.ID) {
			if err := owner.client.RevokeToken(ctx, token); err != nil {
				t.Fatal(err)
			}
		}},
		{"frozen", func(ledger.ID) {
			f.orderBy(t, localnet.KindOfficer, 0, members.MethodFreeze, &members.Change{Member: f.secrets.ID(localnet.KindAccount, 0)})
		}},
	} {
		made := f.bearer(t, f.url, localnet.KindAccount, 0, false)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/v1/jobs/"+j.ID.String()+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+made.Secret)
		response, err := impatient().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() && lines.Text() != ": still there" {
		}
		c.end(made.ID)
		for lines.Scan() {
		}
		if lines.Err() != nil { // the client's patience, a minute
			t.Errorf("%s: the stream went on: %v", c.name, lines.Err())
		}
	}
}

// A token ends by the node's clock, while log time may stand still.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	made := f.delegate(t, localnet.KindAccount, 0, nil)
	config, err := f.Door(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Duration(0)
	config.Now = func() time.Time { return time.Now().Add(later) }
	url := f.serve(t, config)
	c, err := client.New(url, made.Secret, client.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	later = time.Hour + time.Second // the key's expiry on the ledger has passed too
	_, err = c.Status(t.Context())
	refused(t, "after its expiry", "unauthorized", err)
}

// Requests for tokens are signed by a member's own key, for this node, and count
// once.
func TestTokenRequests(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	self := f.Nodes[0].Config().Self
	account := f.secrets.Key(localnet.KindAccount, 0)
	delegate := identity.KeyFromSeed([32]byte{5})
	proof := f.possession(t, localnet.KindAccount, 0, delegate)
	f.orderBy(t, localnet.KindAccount, 0, members.MethodAddDelegate, &members.AddDelegate{
		Node: self, Key: delegate.Public(), Proof: proof, Methods: []string{"fl.CreateJob"}, Expiry: time.Now().Add(time.Hour).UnixMilli(),
	})
	good := func() v1.TokenRequest {
		return v1.TokenRequest{
			Version: ledger.Version, Chain: f.Chain, Node: self, Name: "n", Life: 60,
			Expiry: time.Now().Add(time.Minute).UnixMilli(), Nonce: nonce(),
		}
	}
	send := func(b []byte, contentType string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/v1/bearer-tokens", strings.NewReader(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		status, header, body := answer(t, r)
		if status == http.StatusCreated {
			return ""
		}
		return problem(t, status, header, body).Code()
	}
	sign := func(r v1.TokenRequest, key *identity.Key) []byte {
		b, err := r.Encode(key.ID(), key.Sign)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const cose = "application/cose"
	for name, c := range map[string]struct {
		change func(*v1.TokenRequest)
		key    *identity.Key
		code   string
	}{
		"good":               {nil, account, ""},
		"another chain":      {func(r *v1.TokenRequest) { r.Chain = ledger.Digest{1} }, account, "wrong_chain"},
		"another node":       {func(r *v1.TokenRequest) { r.Node = f.Nodes[1].Config().Self }, account, "wrong_chain"},
		"another version":    {func(r *v1.TokenRequest) { r.Version++ }, account, "wrong_chain"},
		"expired":            {func(r *v1.TokenRequest) { r.Expiry = time.Now().UnixMilli() }, account, "expired"},
		"too far ahead":      {func(r *v1.TokenRequest) { r.Expiry = time.Now().Add(time.Hour).UnixMilli() }, account, "expiry_too_far"},
		"no life":            {func(r *v1.TokenRequest) { r.Life = 0 }, account, "bad_arguments"},
		"life without end":   {func(r *v1.TokenRequest) { r.Life = 1 << 62 }, account, "bad_arguments"},
		"a name of controls": {func(r *v1.TokenRequest) { r.Name = "a\nb" }, account, "bad_arguments"},
		"a long name":        {func(r *v1.TokenRequest) { r.Name = strings.Repeat("n", 65) }, account, "bad_arguments"},
		"a stranger":         {nil, identity.KeyFromSeed([32]byte{6}), "unknown_key"},
		"a delegate":         {nil, delegate, "unknown_key"},
	} {
		r := good()
		if c.change != nil {
			c.change(&r)
		}
		if code := send(sign(r, c.key), cose); code != c.code {
			t.Errorf("%s: %q, want %q", name, code, c.code)
		}
	}
	b := sign(good(), account)
	forged := append([]byte{}, b...)
	forged[len(forged)-1] ^= 1
	payload, err := ledger.Encode(good())
	if err != nil {
		t.Fatal(err)
	}
	another := ledger.Seal(ledger.KindTransaction, account.ID(), account.Sign, payload)
	for name, c := range map[string]struct {
		body              []byte
		contentType, code string
	}{
		"forged":          {forged, cose, "bad_signature"},
		"first":           {b, cose, ""},
		"of another kind": {another.Bytes(), cose, "bad_signature"},
		"no envelope":     {[]byte("x"), cose, "malformed"},
		"too long":        {make([]byte, 2<<10), cose, "body_too_large"},
		"of another type": {b, "application/json", "unsupported_media_type"},
	} {
		if code := send(c.body, c.contentType); code != c.code {
			t.Errorf("%s: %q, want %q", name, code, c.code)
		}
	}
	if code := send(b, cose); code != "replayed" {
		t.Errorf("replayed: %q", code)
	}
}

// serveNode answers as another node of the network and returns its address.
func (f *fixture) serveNode(t *testing.T, index int) string {
	t.Helper()
	config, err := f.Door(index, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.serve(t, config)
}

// TestWhoMayNotAskLearnsNothing: who may not ask is told so, whatever else is
// wrong with the request.
func TestWhoMayNotAskLearnsNothing(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 2})
	task := f.openRound(t, 2)
	done := f.send(t, task, 0, []byte("an update"))
	member, other := f.as(t, localnet.KindAccount, 0), f.as(t, localnet.KindPeer, 1)
	for name, c := range map[string]struct {
		who          *fixture
		method, path string
		contentType  string
		body         string
	}{
		"an upload of a member's":              {member, http.MethodPost, "/v1/uploads", "application/json", `{"job":1}`},
		"a part of a member's":                 {member, http.MethodPatch, "/v1/uploads/" + done.ID.String(), "text/plain", "x"},
		"a part of another's, without a place": {other, http.MethodPatch, "/v1/uploads/" + done.ID.String(), "text/plain", "x"},
		"a job of a peer's":                    {other, http.MethodPost, "/v1/jobs", "application/json", "{"},
		"blocks of a member's":                 {member, http.MethodGet, "/v1/blocks/x/bytes", "", ""},
	} {
		status, header, b := c.who.ask(t, c.method, c.path, c.contentType, []byte(c.body))
		if p := problem(t, status, header, b); p.Code() != "not_permitted" {
			t.Errorf("%s: %s", name, b)
		}
	}
	peer := f.as(t, localnet.KindPeer, 0)
	status, header, b := peer.ask(t, http.MethodPost, "/v1/uploads", "application/json", []byte(`{"job":1}`))
	if p := problem(t, status, header, b); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("who may ask: %s", b)
	}
}

// TestOperatorsOfALaterNode: the operators of a node that came after the genesis
// are those of its organisation.
func TestOperatorsOfALaterNode(t *testing.T) {
	t.Parallel()
	var late *localnet.Enrolment
	f := start(t, options{prepare: func(dir localnet.Dir) (err error) {
		late, _, err = dir.NewNode(localnet.SecretsFromSeed(7).ID(localnet.KindOrganisation, 1), rand.Reader)
		return err
	}})
	ctx := t.Context()
	operators := make([]*fixture, 2)
	for i := range operators {
		key, id := identity.KeyFromSeed([32]byte{9, byte(i)}), ledger.ID{9, byte(i)}
		possession := ledger.Possession{
			Version: ledger.Version, Chain: f.Chain, Organisation: f.secrets.ID(localnet.KindOrganisation, i), Member: id, Key: key.Public(),
		}
		proof, err := possession.Sign(key.Sign)
		if err != nil {
			t.Fatal(err)
		}
		f.orderBy(t, localnet.KindOfficer, i, members.MethodEnrol, &members.Enrol{
			Member: id, Roles: []string{identity.RoleOperator}, Keys: []ledger.PublicKey{key.Public()}, Proofs: []members.Proof{proof}, Evidence: []ledger.Digest{{1}},
		})
		operators[i] = &fixture{url: f.serveNode(t, 4)}
		if operators[i].client, err = client.New(operators[i].url, "", client.Options{Retries: -1}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(operators[i].client.Close)
		if _, err := f.Nodes[4].Await(ctx, func(s node.Status) bool { return s.Next >= f.Nodes[0].Status().Next }); err != nil {
			t.Fatal(err)
		}
		operators[i] = operators[i].withKey(t, key)
	}
	refused(t, "before the node is on the ledger", "not_permitted", metricsOf(t, operators[1]))
	height := f.Nodes[0].Status().Height + 6
	tx, err := f.client.Submit(ctx, f.officer(t, 0, governance.MethodPropose, &governance.Propose{
		Action: governance.Action{AddNode: &governance.AddNode{
			Node: late.Node.ID, Organisation: late.Organisation, Key: ledger.PublicKey(late.Node.Key), Proof: members.Proof(late.Node.Proof),
		}},
		Height: height, Expiry: time.Now().Add(time.Hour).UnixMilli(),
	}), client.Final)
	for i := 1; err == nil && i <= 2; i++ {
		_, err = f.client.Submit(ctx, f.officer(t, i, governance.MethodApprove, &governance.Approve{Proposal: tx.ID}), client.Executed)
	}
	for err == nil && f.Nodes[4].Status().Height < height {
		if _, err = f.client.Submit(ctx, f.transfer(t, 1), client.Final); err == nil {
			_, err = f.Nodes[4].Await(ctx, func(s node.Status) bool { return s.Next >= f.Nodes[0].Status().Next })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := metricsOf(t, operators[1]); err != nil {
		t.Errorf("an operator of its organisation: %v", err)
	}
	refused(t, "an operator of another", "not_permitted", metricsOf(t, operators[0]))
}
