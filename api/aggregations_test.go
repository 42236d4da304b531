package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/tensor"
	v1 "github.com/librum/librum/api/v1"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

const typeOfPart = "application/offset+octet-stream"

// weights is the file of one tensor of float32.
func weights(t testing.TB, xs ...float32) []byte {
	t.Helper()
	layout := aggregatortest.Layout(t, tensor.Tensor{Name: "w", DType: tensor.F32, Shape: []int64{int64(len(xs))}})
	var data []byte
	for _, x := range xs {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return aggregatortest.Encode(t, layout, data)
}

// want sends a request whose status is known and decodes the answer.
func want[T any](t *testing.T, f *fixture, status int, method, path, contentType string, body []byte, header ...string) (T, http.Header) {
	t.Helper()
	var v T
	got, head, answered := f.ask(t, method, path, contentType, body, header...)
	if got != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, answered)
	}
	if len(answered) > 0 {
		decode(t, answered, &v)
	}
	return v, head
}

// refusal sends a request that is refused with a code.
func refusal(t *testing.T, f *fixture, code, method, path, contentType string, body []byte, header ...string) *v1.Problem {
	t.Helper()
	status, head, answered := f.ask(t, method, path, contentType, body, header...)
	p := problem(t, status, head, answered)
	if p.Code() != code {
		t.Errorf("%s %s: %s, want %s", method, path, answered, code)
	}
	return p
}

func (f *fixture) sendInput(t *testing.T, route, name string, examples uint64, content []byte) {
	t.Helper()
	in, err := json.Marshal(v1.NewAggregationInput{Kind: "update", Size: int64(len(content)), Digest: sha256.Sum256(content), NumExamples: examples})
	if err != nil {
		t.Fatal(err)
	}
	at, _ := want[v1.AggregationInput](t, f, http.StatusOK, http.MethodPut, route+"/inputs/"+name, "application/json", in)
	if at, _ = want[v1.AggregationInput](t, f, http.StatusOK, http.MethodPatch, route+"/inputs/"+name, typeOfPart, content[at.Offset:], "Upload-Offset", fmt.Sprint(at.Offset)); !at.Complete {
		t.Fatalf("%+v", at)
	}
}

// await asks until an aggregation has ended.
func (f *fixture) await(t *testing.T, route string) v1.Aggregation {
	t.Helper()
	for {
		a, _ := want[v1.Aggregation](t, f, http.StatusOK, http.MethodGet, route, "", nil)
		if a.State != "running" {
			return a
		}
	}
}

// TestAggregation goes the whole way, as a client would.
func TestAggregation(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	const body = `{"strategy":{"name":"fedavg"}}`
	made, header := want[v1.Aggregation](t, f, http.StatusCreated, http.MethodPost, "/v1/aggregations", "application/json", []byte(body), "Idempotency-Key", "first")
	route := header.Get("Location")
	if member := f.secrets.ID(localnet.KindMember, 0); made.ID != ledger.Hash(append(member[:], "first"...)) || route != "/v1/aggregations/"+made.ID.String() || made.State != "open" {
		t.Errorf("%+v at %s", made, route)
	}
	if again, _ := want[v1.Aggregation](t, f, http.StatusOK, http.MethodPost, "/v1/aggregations", "application/json", []byte(body), "Idempotency-Key", "first"); again.ID != made.ID {
		t.Errorf("again %+v", again)
	}
	refusal(t, f, "idempotency_key_reused", http.MethodPost, "/v1/aggregations", "application/json", []byte(`{"strategy":{"name":"median"}}`), "Idempotency-Key", "first")
	if p := refusal(t, f, "bad_spec", http.MethodPost, "/v1/aggregations", "application/json", []byte(`{"strategy":{"name":"krum","params":{"f":1}}}`)); len(p.Errors) == 0 || p.Errors[0].Field != "body.strategy" {
		t.Errorf("%+v", p)
	}
	refusal(t, f, "invalid", http.MethodPost, "/v1/aggregations", "application/json", []byte(`{"strategy":{"name":"fedavg"},"rounds":3}`))
	refusal(t, f, "aggregation_state", http.MethodPost, route+"/aggregate", "", nil)
	refusal(t, f, "not_found", http.MethodGet, route+"/model", "", nil)

	// In parts, as uploads go.
	content := weights(t, 1, 2, 3)
	in := fmt.Appendf(nil, `{"kind":"update","num_examples":1,"size":%d,"digest":"%x"}`, len(content), sha256.Sum256(content))
	input := route + "/inputs/hospital-a"
	want[v1.AggregationInput](t, f, http.StatusOK, http.MethodPut, input, "application/json", in)
	if p := refusal(t, f, "upload_offset", http.MethodPatch, input, typeOfPart, content[40:], "Upload-Offset", "40"); p.Offset == nil || *p.Offset != 0 {
		t.Errorf("first part at a wrong offset: %+v", p)
	}
	want[v1.AggregationInput](t, f, http.StatusOK, http.MethodPatch, input, typeOfPart, content[:40], "Upload-Offset", "0")
	if p := refusal(t, f, "upload_offset", http.MethodPatch, input, typeOfPart, content[40:], "Upload-Offset", "0"); p.Offset == nil || *p.Offset != 40 {
		t.Errorf("%+v", p)
	}
	refusal(t, f, "aggregation_state", http.MethodPost, route+"/aggregate", "", nil)
	if _, header := want[any](t, f, http.StatusOK, http.MethodHead, input, "", nil); header.Get("Upload-Offset") != "40" || header.Get("Upload-Length") != fmt.Sprint(len(content)) {
		t.Errorf("HEAD: %v", header)
	}
	refusal(t, f, "digest_mismatch", http.MethodPatch, input, typeOfPart, bytes.Repeat([]byte{'x'}, len(content)-40), "Upload-Offset", "40")
	f.sendInput(t, route, "hospital-a", 1, content)
	f.sendInput(t, route, "hospital-b", 3, weights(t, 5, 6, 7))
	f.sendInput(t, route, "hospital-c", 3, weights(t, 5, float32(math.NaN()), 7))
	refusal(t, f, "invalid", http.MethodPut, route+"/inputs/..%2Fhead", "application/json", in)
	refusal(t, f, "invalid", http.MethodPut, route+"/inputs/b", "application/json", []byte(`{"kind":"update","size":8,"digest":"`+made.ID.String()+`"}`))

	// Nobody else sees it.
	for _, other := range []*fixture{f.as(t, localnet.KindAccount, 0)} {
		for _, r := range [][2]string{
			{http.MethodGet, route},
			{http.MethodGet, route + "/model"},
			{http.MethodGet, input},
			{http.MethodPost, route + "/aggregate"},
			{http.MethodDelete, route},
		} {
			refusal(t, other, "not_found", r[0], r[1], "", nil)
		}
		refusal(t, other, "not_found", http.MethodPut, input, "application/json", in)
		refusal(t, other, "not_found", http.MethodPatch, input, typeOfPart, content, "Upload-Offset", "0")
		if list, _ := want[v1.Aggregations](t, other, http.StatusOK, http.MethodGet, "/v1/aggregations", "", nil); len(list.Aggregations) != 0 {
			t.Errorf("another's list: %+v", list)
		}
	}
	if _, header := want[v1.Aggregation](t, f, http.StatusAccepted, http.MethodPost, route+"/aggregate", "", nil); header.Get("Location") != route {
		t.Errorf("Location %q", header.Get("Location"))
	}
	done := f.await(t, route)
	model := weights(t, 4, 5, 6)
	if done.State != "done" || done.Averaged != 2 || done.NumExamples != 4 || done.Model == nil || done.Model.Digest != sha256.Sum256(model) || done.Memory != nil {
		t.Fatalf("%+v", done)
	}
	if len(done.Refused) != 1 || done.Refused[0].Name != "hospital-c" || done.Refused[0].Reason != "nan" {
		t.Errorf("refused %+v", done.Refused)
	}
	status, header, got := f.ask(t, http.MethodGet, route+"/model", "", nil)
	tag := `"` + done.Model.Digest.String() + `"`
	if status != http.StatusOK || !bytes.Equal(got, model) || header.Get("ETag") != tag {
		t.Errorf("status %d, %d bytes, ETag %s", status, len(got), header.Get("ETag"))
	}
	if status, _, got := f.ask(t, http.MethodGet, route+"/model", "", nil, "Range", "bytes=8-15", "If-Range", tag); status != http.StatusPartialContent || !bytes.Equal(got, model[8:16]) {
		t.Errorf("a range: status %d, %x", status, got)
	}
	if status, _, _ := f.ask(t, http.MethodGet, route+"/model", "", nil, "If-None-Match", tag); status != http.StatusNotModified {
		t.Errorf("the same: status %d", status)
	}
	refusal(t, f, "aggregation_state", http.MethodPut, input, "application/json", in)
	if again, _ := want[v1.Aggregation](t, f, http.StatusAccepted, http.MethodPost, route+"/aggregate", "", nil); again.State != "done" {
		t.Errorf("again: %+v", again)
	}
	if status, _, text := f.ask(t, http.MethodDelete, route, "", nil); status != http.StatusNoContent {
		t.Errorf("delete: %d %s", status, text)
	}
	refusal(t, f, "not_found", http.MethodGet, route, "", nil)
}

// TestAggregationFieldTwice: of a field that is given twice nobody can tell which was
// meant.
func TestAggregationFieldTwice(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	p := refusal(t, f, "bad_request", http.MethodPost, "/v1/aggregations", "application/json",
		[]byte(`{"strategy":{"name":"fedavg"},"strategy":{"name":"median"}}`))
	if len(p.Errors) != 1 || !strings.Contains(p.Errors[0].Message, `"strategy" is given twice`) {
		t.Errorf("%+v", p)
	}
	p = refusal(t, f, "invalid", http.MethodPost, "/v1/aggregations", "application/json",
		[]byte(`{"strategy":{"name":"fedavg"},"cohort":5,"COHORT":1000000}`))
	if len(p.Errors) != 1 || p.Errors[0].Message != "unexpected property" {
		t.Errorf("%+v", p)
	}
}

// TestAggregationOfOthers holds that an operator sees how many there are, and may
// delete one that fills the node's disk, but not read it.
func TestAggregationOfOthers(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	_, header := want[v1.Aggregation](t, f, http.StatusCreated, http.MethodPost, "/v1/aggregations", "application/json", []byte(`{"strategy":{"name":"fedavg"}}`))
	route := header.Get("Location")
	operator := f.operator(t)
	if list, _ := want[v1.Aggregations](t, operator, http.StatusOK, http.MethodGet, "/v1/aggregations", "", nil); len(list.Aggregations) != 1 {
		t.Errorf("%+v", list)
	}
	refusal(t, operator, "not_permitted", http.MethodGet, route+"/model", "", nil)
	refusal(t, operator, "not_permitted", http.MethodPost, "/v1/aggregations", "application/json", []byte(`{"strategy":{"name":"fedavg"}}`))
	if status, _, text := operator.ask(t, http.MethodGet, "/metrics", "", nil); status != http.StatusOK || !bytes.Contains(text, []byte(`librum_aggregations{state="open"} 1`)) {
		t.Errorf("metrics: %d", status)
	}
	if status, _, text := operator.ask(t, http.MethodDelete, route, "", nil); status != http.StatusNoContent {
		t.Errorf("delete: %d %s", status, text)
	}
}

// operator returns the fixture with a token of an operator of the node's
// organisation.
func (f *fixture) operator(t *testing.T) *fixture {
	t.Helper()
	key, id := identity.KeyFromSeed([32]byte{8}), ledger.ID{8}
	possession := ledger.Possession{
		Version: ledger.Version, Chain: f.Chain, Organisation: f.secrets.ID(localnet.KindOrganisation, 0), Member: id, Key: key.Public(),
	}
	proof, err := possession.Sign(key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	f.orderBy(t, localnet.KindOfficer, 0, members.MethodEnrol, &members.Enrol{
		Member: id, Roles: []string{identity.RoleOperator}, Keys: []ledger.PublicKey{key.Public()}, Proofs: []members.Proof{proof}, Evidence: []ledger.Digest{{1}},
	})
	return f.withKey(t, key)
}
