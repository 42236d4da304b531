package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/localnet"
)

func limitsOf(heartbeat time.Duration) api.Limits { return api.Limits{Heartbeat: heartbeat} }

// openRound registers the peers and creates a job, and waits until its first
// round asks them.
func (f *fixture) openRound(t *testing.T, peers int) *v1.Task {
	t.Helper()
	polling := make([]*fixture, peers)
	for i := range peers {
		polling[i] = f.as(t, localnet.KindPeer, i)
		f.call(t, localnet.KindPeer, i, fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true})
	}
	if _, err := f.client.CreateJob(t.Context(), smallSpec(int64(peers), 1), ""); err != nil {
		t.Fatal(err)
	}
	tasks := make([]*v1.Task, peers)
	var group errgroup.Group
	for i := range peers { // a roster holds those who poll
		group.Go(func() (err error) {
			tasks[i], err = polling[i].client.Task(t.Context(), f.secrets.ID(localnet.KindPeer, i), 30*time.Second)
			return err
		})
	}
	if err := group.Wait(); err != nil || tasks[0] == nil {
		t.Fatalf("tasks %+v, error %v", tasks, err)
	}
	return tasks[0]
}

// call submits a call of the contract fl.
func (f *fixture) call(t *testing.T, kind string, index int, method string, args any) {
	t.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		t.Fatal(err)
	}
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: f.Chain, Sender: f.secrets.ID(kind, index), Contract: fl.Name, Method: method,
		Args: b, Nonce: nonce(), Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	if _, err := f.client.Submit(t.Context(), f.sign(t, &tx, kind, index), client.Executed); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

func TestUploadResumesAndEarnsReceipts(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 2})
	task := f.openRound(t, 2)
	other := f.as(t, localnet.KindPeer, 0)
	p1 := f.as(t, localnet.KindPeer, 1)
	self := f.secrets.ID(localnet.KindPeer, 1)
	proof, err := ledger.ParseResultProof(task.Proof)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := proof.Verify(f.Chain, &f.Genesis.Group, identity.Verify); err != nil {
		t.Errorf("the task's proof: %v", err)
	}
	content := bytes.Repeat([]byte("0123456789"), 1000)
	announcement := client.NewUpload(task.Job, task.Round, self, content)
	body, err := json.Marshal(announcement)
	if err != nil {
		t.Fatal(err)
	}

	u := p1.upload(t, http.StatusCreated, http.MethodPost, "/v1/uploads", "application/json", body)
	route := "/v1/uploads/" + u.ID.String()
	const part = "application/offset+octet-stream"
	status, header, answered := p1.ask(t, http.MethodPatch, route, part, content[4000:], "Upload-Offset", "4000")
	if p := problem(t, status, header, answered); p.Code() != "upload_offset" || p.Offset == nil || *p.Offset != 0 || header.Get("Upload-Offset") != "0" {
		t.Errorf("first part at a wrong offset: %s", answered)
	}
	p1.upload(t, http.StatusOK, http.MethodPatch, route, part, content[:4000], "Upload-Offset", "0")
	status, header, answered = p1.ask(t, http.MethodPatch, route, part, content[4000:], "Upload-Offset", "0")
	if p := problem(t, status, header, answered); p.Code() != "upload_offset" || p.Offset == nil || *p.Offset != 4000 || header.Get("Upload-Offset") != "4000" {
		t.Errorf("wrong offset: %s", answered)
	}
	if status, header, _ := p1.ask(t, http.MethodHead, route, "", nil); status != http.StatusOK || header.Get("Upload-Offset") != "4000" || header.Get("Upload-Length") != "10000" {
		t.Errorf("HEAD: status %d, %v", status, header)
	}
	if again := p1.upload(t, http.StatusOK, http.MethodPost, "/v1/uploads", "application/json", body); again.ID != u.ID || again.Offset != 4000 {
		t.Errorf("announced again: %+v", again)
	}
	status, header, answered = p1.ask(t, http.MethodPatch, route, part, append(bytes.Clone(content[4000:]), 'x'), "Upload-Offset", "4000")
	if p := problem(t, status, header, answered); p.Code() != "body_too_large" {
		t.Errorf("more than announced: %s", answered)
	}

	done, err := p1.client.Upload(t.Context(), announcement, bytes.NewReader(content))
	if err != nil || !done.Complete || len(done.Receipts) != 2 {
		t.Fatalf("upload %+v, error %v", done, err)
	}
	for _, raw := range done.Receipts {
		r, _, err := ledger.ParseReceipt(raw)
		if err != nil || r.Blob != announcement.Digest || r.Sender != self || r.Size != 10000 {
			t.Errorf("receipt %+v, error %v", r, err)
		}
	}
	if got := p1.upload(t, http.StatusOK, http.MethodGet, route, "", nil); !got.Complete || len(got.Receipts) != 2 {
		t.Errorf("asked for again: %+v", got)
	}
	// The other peer saw the digest and has not the bytes.
	copied := announcement
	copied.Peer = f.secrets.ID(localnet.KindPeer, 0)
	body, err = json.Marshal(copied)
	if err != nil {
		t.Fatal(err)
	}
	if got := other.upload(t, http.StatusCreated, http.MethodPost, "/v1/uploads", "application/json", body); got.Complete || got.Receipts != nil {
		t.Errorf("a copied digest earned %+v", got)
	}
	f.call(t, localnet.KindPeer, 1, fl.MethodSubmitUpdate, &fl.SubmitUpdate{
		Job: task.Job, Round: task.Round, Attempt: task.Attempt, Digest: announcement.Digest, Size: 10000, NumExamples: 1, Receipts: done.Receipts,
	})
	if _, err := p1.client.Upload(t.Context(), announcement, bytes.NewReader(content)); !client.IsCode(err, "round_state") {
		t.Errorf("receipts after the answer: %v", err)
	}
}

func (f *fixture) upload(t *testing.T, want int, method, path, contentType string, body []byte, header ...string) v1.Upload {
	t.Helper()
	status, _, answered := f.ask(t, method, path, contentType, body, header...)
	var u v1.Upload
	if err := json.Unmarshal(answered, &u); err != nil || status != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, answered)
	}
	return u
}

func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1, limits: api.Limits{Uploads: 4}})
	task := f.openRound(t, 1)
	f = f.as(t, localnet.KindPeer, 0)
	self := f.secrets.ID(localnet.KindPeer, 0)
	announce := func(u v1.NewUpload) (int, *v1.Problem) {
		body, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		status, header, answered := f.ask(t, http.MethodPost, "/v1/uploads", "application/json", body)
		if status < 300 {
			return status, &v1.Problem{}
		}
		return status, problem(t, status, header, answered)
	}
	good := client.NewUpload(task.Job, task.Round, self, []byte("an update"))
	with := func(change func(*v1.NewUpload)) v1.NewUpload {
		u := good
		change(&u)
		return u
	}
	for _, c := range []struct {
		code string
		u    v1.NewUpload
	}{
		{"not_found", with(func(u *v1.NewUpload) { u.Job = ledger.Digest{1} })},
		{"not_found", with(func(u *v1.NewUpload) { u.Round = 2 })},
		{"not_permitted", with(func(u *v1.NewUpload) { u.Peer = ledger.ID{1} })},
		{"invalid", with(func(u *v1.NewUpload) { u.Size = 1 << 30 })},
		{"invalid", with(func(u *v1.NewUpload) { u.Size = 2*int64(task.Model.Size) + 1<<20 })},
		{"invalid", with(func(u *v1.NewUpload) { u.Size = 0 })},
		{"invalid", with(func(u *v1.NewUpload) { u.Round = 0 })},
	} {
		if _, p := announce(c.u); p.Code() != c.code {
			t.Errorf("%+v: problem %+v, want %s", c.u, p, c.code)
		}
	}
	if status, p := announce(good); status != http.StatusCreated {
		t.Fatalf("status %d, %+v", status, p)
	}
	if status, p := announce(with(func(u *v1.NewUpload) { u.Digest = ledger.Digest{2} })); status != http.StatusTooManyRequests || p.Code() != "too_many_uploads" {
		t.Errorf("a peer's second place of one: status %d, %+v", status, p)
	}
	wrong := bytes.Repeat([]byte("x"), int(good.Size))
	u, err := f.client.Upload(t.Context(), good, bytes.NewReader(wrong))
	if !client.IsCode(err, "digest_mismatch") {
		t.Errorf("other bytes than announced: %+v, error %v", u, err)
	}
	if u, err := f.client.Upload(t.Context(), good, bytes.NewReader([]byte("an update"))); err != nil || !u.Complete {
		t.Errorf("begun afresh: %+v, error %v", u, err)
	}
	if status, _, b := f.ask(t, http.MethodPatch, "/v1/uploads/"+fmt.Sprintf("%032x", 1), "application/offset+octet-stream", nil, "Upload-Offset", "0"); status != http.StatusNotFound {
		t.Errorf("unknown upload: status %d, %s", status, b)
	}
}

// send announces and sends content to the end.
func (f *fixture) send(t *testing.T, task *v1.Task, peer int, content []byte) v1.Upload {
	t.Helper()
	u := client.NewUpload(task.Job, task.Round, f.secrets.ID(localnet.KindPeer, peer), content)
	done, err := f.as(t, localnet.KindPeer, peer).client.Upload(t.Context(), u, bytes.NewReader(content))
	if err != nil || !done.Complete {
		t.Fatalf("upload %+v, error %v", done, err)
	}
	return done
}

func (f *fixture) has(t *testing.T, digest ledger.Digest) bool {
	t.Helper()
	_, ok, err := f.Nodes[0].Blobs.Has(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// A peer that sends one update after another fills no disk, and takes nothing
// away that others rely on.
func TestCompleteUploadsReplaceEachOther(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 2})
	task := f.openRound(t, 2)
	first := f.send(t, task, 0, []byte("the first"))
	second := f.send(t, task, 0, []byte("the second"))
	if f.has(t, first.Digest) || !f.has(t, second.Digest) {
		t.Error("the first update is still there, or the second is not")
	}
	body, err := f.client.Blob(t.Context(), task.Model.Digest)
	if err != nil {
		t.Fatal(err)
	}
	model, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	f.send(t, task, 0, model)
	others, _, err := f.Nodes[0].Blobs.Put(t.Context(), strings.NewReader("an update of another round"), 100)
	if err != nil {
		t.Fatal(err)
	}
	f.send(t, task, 0, []byte("an update of another round"))
	f.send(t, task, 1, []byte("the second")) // two peers send the same
	shared := f.send(t, task, 0, []byte("of both"))
	f.send(t, task, 1, []byte("of both"))
	f.send(t, task, 0, []byte("of one"))
	if !f.has(t, shared.Digest) {
		t.Error("the other peer's update went with the upload that had its bytes")
	}
	if !f.has(t, task.Model.Digest) {
		t.Error("the model went with the upload that had its bytes")
	}
	if !f.has(t, others) {
		t.Error("what was there before went with the upload that had its bytes")
	}
	if f.has(t, second.Digest) {
		t.Error("what both peers have replaced is still there")
	}
	begun := client.NewUpload(task.Job, task.Round, f.secrets.ID(localnet.KindPeer, 0), []byte("too late"))
	announcement, err := json.Marshal(begun)
	if err != nil {
		t.Fatal(err)
	}
	late := f.as(t, localnet.KindPeer, 0).upload(t, http.StatusCreated, http.MethodPost, "/v1/uploads", "application/json", announcement)
	receipts := f.send(t, task, 0, []byte("of both")).Receipts
	f.call(t, localnet.KindPeer, 0, fl.MethodSubmitUpdate, &fl.SubmitUpdate{
		Job: task.Job, Round: task.Round, Attempt: task.Attempt, Digest: shared.Digest, Size: uint64(shared.Size), NumExamples: 1, Receipts: receipts,
	})
	status, header, answered := f.as(t, localnet.KindPeer, 0).ask(t, http.MethodPatch, "/v1/uploads/"+late.ID.String(), "application/offset+octet-stream", []byte("too late"), "Upload-Offset", "0")
	if p := problem(t, status, header, answered); p.Code() != "answered" {
		t.Errorf("an upload after the answer: %s", answered)
	}
	f.send(t, task, 1, []byte("another"))
	if !f.has(t, shared.Digest) {
		t.Error("an update that the ledger names is gone")
	}
}

// An upload that is forgotten once its peer has answered leaves the answer
// where it is.
func TestForgottenUploadsLeaveWhatTheLedgerNames(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 2, limits: api.Limits{UploadLife: time.Nanosecond}})
	task := f.openRound(t, 2)
	u := f.send(t, task, 0, []byte("an update"))
	f.call(t, localnet.KindPeer, 0, fl.MethodSubmitUpdate, &fl.SubmitUpdate{
		Job: task.Job, Round: task.Round, Attempt: task.Attempt, Digest: u.Digest, Size: uint64(u.Size), NumExamples: 1, Receipts: u.Receipts,
	})
	f.send(t, task, 1, []byte("another")) // the announcement forgets what has lapsed
	if status, _, _ := f.as(t, localnet.KindPeer, 0).ask(t, http.MethodGet, "/v1/uploads/"+u.ID.String(), "", nil); status != http.StatusNotFound {
		t.Fatalf("the upload is remembered: status %d", status)
	}
	if !f.has(t, u.Digest) {
		t.Error("an update that the ledger names is gone")
	}
}

// A part that dribbles is cut off, and what came is kept.
func TestSlowPartsAreCutOff(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1, limits: api.Limits{Idle: time.Second, PartRate: 4 << 20}})
	task := f.openRound(t, 1)
	f = f.as(t, localnet.KindPeer, 0)
	content := make([]byte, 1_000_000)
	const some = 5_000 // at once; the transport keeps less than 4 KiB back
	announcement, err := json.Marshal(client.NewUpload(task.Job, task.Round, f.secrets.ID(localnet.KindPeer, 0), content))
	if err != nil {
		t.Fatal(err)
	}
	u := f.upload(t, http.StatusCreated, http.MethodPost, "/v1/uploads", "application/json", announcement)
	r, w := io.Pipe()
	dribbled := make(chan struct{})
	go func() {
		defer close(dribbled)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for at := 0; at < len(content); at += some {
			if _, err := w.Write(content[at : at+some]); err != nil {
				return
			}
			<-ticker.C
		}
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, f.url+"/v1/uploads/"+u.ID.String(), r)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(len(content))
	request.Header.Set("Authorization", "Bearer "+f.token)
	request.Header.Set("Content-Type", "application/offset+octet-stream")
	request.Header.Set("Upload-Offset", "0")
	status, header, answered := answer(t, request)
	if p := problem(t, status, header, answered); p.Code() != "body_timeout" || p.Offset == nil || *p.Offset == 0 {
		t.Errorf("status %d, %s", status, answered)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	<-dribbled
}

// Who asks without waiting gets the task that there is.
func TestTaskWithoutWaiting(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1})
	task := f.openRound(t, 1)
	f = f.as(t, localnet.KindPeer, 0)
	now, err := f.client.Task(t.Context(), f.secrets.ID(localnet.KindPeer, 0), 0)
	if err != nil || now == nil || now.Job != task.Job || now.Round != task.Round {
		t.Errorf("task %+v, error %v", now, err)
	}
}
