package api_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

// train lets peers work over HTTP until the test ends.
func (f *fixture) train(t *testing.T, peers int) {
	t.Helper()
	pool, _, err := data.Digits()
	if err != nil {
		t.Fatal(err)
	}
	splits, err := data.Dirichlet(pool, 0.5, peers, 8, 3)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for i, rows := range splits {
		part, err := pool.Subset(rows)
		if err != nil {
			t.Fatal(err)
		}
		p := peer.New(peer.Config{
			ID: f.secrets.ID(localnet.KindPeer, i), Key: f.secrets.Key(localnet.KindPeer, i),
			Chain: f.Chain, Group: f.Genesis.Group, Data: part, Server: localnet.Remote{Client: f.as(t, localnet.KindPeer, i).client},
			Now: time.Now, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler),
		})
		running.Go(func() { _ = p.Run(ctx) }) // it only ends with the context
	}
}

func TestJobOverHTTP(t *testing.T) {
	t.Parallel()
	const peers, rounds = 2, 2
	f := start(t, options{peers: peers})
	f.train(t, peers)
	ctx := t.Context()
	created, err := f.client.CreateJob(ctx, smallSpec(peers, rounds), "over-http")
	if err != nil {
		t.Fatal(err)
	}
	if want := fl.JobID(f.secrets.ID(localnet.KindMember, 0), []byte("over-http")); created.ID != want {
		t.Errorf("job %s, want %s", created.ID, want)
	}
	var events []v1.Event
	for e, err := range f.client.Events(ctx, created.ID, "") {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	first, last := events[0], events[len(events)-1]
	if first.Type != fl.EventJobCreated || last.Type != fl.EventJobFinished {
		t.Fatalf("events from %+v to %+v", first, last)
	}
	checkResume(t, f, created.ID, events)

	ended, err := f.client.Job(ctx, created.ID)
	if err != nil || ended.State != string(job.StateFinished) || ended.FinalRounds != rounds || ended.Card == nil {
		t.Fatalf("job %+v, error %v", ended, err)
	}
	checkRounds(t, f, &ended)
	checkJobPeers(t, f, &ended)
	checkModels(t, f, &ended)
	checkPeersAndLists(t, f, &ended)

	repeated, err := f.client.CreateJob(ctx, smallSpec(peers, rounds), "over-http")
	if err != nil || repeated.ID != created.ID || repeated.State != ended.State {
		t.Errorf("created again: %+v, error %v", repeated, err)
	}
	if _, err := f.client.CreateJob(ctx, smallSpec(peers, rounds+1), "over-http"); !client.IsCode(err, "idempotency_key_reused") {
		t.Errorf("the key with another spec: %v", err)
	}
	if _, err := f.client.CancelJob(ctx, created.ID); !client.IsCode(err, "job_over") {
		t.Errorf("cancel a finished job: %v", err)
	}
}

// checkResume takes the stream up behind every event and expects the rest.
func checkResume(t *testing.T, f *fixture, id ledger.Digest, events []v1.Event) {
	t.Helper()
	for i, e := range events { // behind the last comes nothing, and no wait
		var rest []v1.Event
		for e, err := range f.client.Events(t.Context(), id, e.Position) {
			if err != nil {
				t.Fatal(err)
			}
			rest = append(rest, e)
		}
		want := events[i+1:]
		for len(want) > 0 && want[0].Position == e.Position {
			want = want[1:] // of the same transaction
		}
		if len(rest) != len(want) || len(rest) > 0 && rest[0].Position != want[0].Position {
			t.Errorf("behind %s came %d events, want %d", e.Position, len(rest), len(want))
		}
	}
}

func checkRounds(t *testing.T, f *fixture, j *v1.Job) {
	t.Helper()
	page := client.Page{Limit: 1}
	for number := uint64(1); number <= j.FinalRounds; number++ {
		list, err := f.client.Rounds(t.Context(), j.ID, page)
		if err != nil || len(list.Rounds) != 1 {
			t.Fatalf("rounds %+v, error %v", list, err)
		}
		r := list.Rounds[0]
		if r.Round != number || r.State != string(job.RoundFinal) || r.Agreed < 3 || r.Averaged != r.Peers || r.Metrics["accuracy"] == 0 {
			t.Errorf("round %+v", r)
		}
		page.Cursor = list.NextCursor
	}
	if page.Cursor != "" {
		t.Errorf("there is a page behind the last round: %q", page.Cursor)
	}
	metrics, err := f.client.Metrics(t.Context(), j.ID, client.Page{})
	if err != nil || uint64(len(metrics.Metrics)) != j.FinalRounds {
		t.Errorf("metrics %+v, error %v", metrics, err)
	}
}

// checkJobPeers asks what the peers did, in pages of a round, which add up to what one
// page over all says.
func checkJobPeers(t *testing.T, f *fixture, j *v1.Job) {
	t.Helper()
	sums, page := v1.JobPeers{}, client.Page{Limit: 1}
	for number := uint64(1); number <= j.FinalRounds; number++ {
		part, err := f.client.JobPeers(t.Context(), j.ID, page)
		if err != nil || part.FirstRound != number || part.LastRound != number || len(part.Peers) != 2 {
			t.Fatalf("peers of round %d: %+v, %v", number, part, err)
		}
		sums, page.Cursor = client.AddUp(sums, part), part.NextCursor
	}
	all, err := f.client.JobPeers(t.Context(), j.ID, client.Page{})
	if err != nil || page.Cursor != "" || !reflect.DeepEqual(all, sums) {
		t.Errorf("peers %+v, by rounds %+v, behind them %q, %v", all, sums, page.Cursor, err)
	}
	for _, p := range all.Peers {
		if p.Selected != j.FinalRounds || p.Committed != j.FinalRounds || p.NumExamples == 0 || p.Bytes == 0 {
			t.Errorf("%+v", p)
		}
	}
	if past, err := f.client.JobPeers(t.Context(), j.ID, client.Page{Cursor: "99"}); err != nil || len(past.Peers) != 0 || past.FirstRound != 0 || past.NextCursor != "" {
		t.Errorf("behind the last round: %+v, %v", past, err)
	}
	if _, err := f.client.JobPeers(t.Context(), j.ID, client.Page{Cursor: "x"}); !client.IsCode(err, "invalid") {
		t.Errorf("behind nonsense: %v", err)
	}
	if _, err := f.client.JobPeers(t.Context(), ledger.Digest{1}, client.Page{}); !client.IsCode(err, "not_found") {
		t.Errorf("of no job: %v", err)
	}
}

func checkModels(t *testing.T, f *fixture, j *v1.Job) {
	t.Helper()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	file, err := f.client.DownloadModel(ctx, j.ID, j.FinalRounds, path)
	if err != nil || file != *j.Model {
		t.Fatalf("model %+v, want %+v, error %v", file, j.Model, err)
	}
	whole, err := os.ReadFile(path)
	if err != nil || ledger.Hash(whole) != j.Model.Digest {
		t.Fatalf("model file of %d bytes, error %v", len(whole), err)
	}
	if initial, err := f.client.DownloadModel(ctx, j.ID, 0, path+"0"); err != nil || initial.Digest == file.Digest {
		t.Errorf("initial model %+v, error %v", initial, err)
	}
	if _, err := f.client.DownloadModel(ctx, j.ID, 99, path+"99"); !client.IsCode(err, "not_found") && !strings.Contains(err.Error(), "Not Found") {
		t.Errorf("version 99: %v", err)
	}
	route := "/v1/models/" + j.ID.String() + "/versions/2"
	tag := `"` + file.Digest.String() + `"`
	status, header, part := f.ask(t, http.MethodGet, route, "", nil, "Range", "bytes=8-19", "If-Range", tag)
	if status != http.StatusPartialContent || !bytes.Equal(part, whole[8:20]) || header.Get("ETag") != tag {
		t.Errorf("range: status %d, %d bytes, header %v", status, len(part), header)
	}
	if status, _, _ := f.ask(t, http.MethodGet, route, "", nil, "If-None-Match", tag); status != http.StatusNotModified {
		t.Errorf("If-None-Match: status %d", status)
	}
	status, header, refused := f.ask(t, http.MethodGet, route, "", nil, "Range", "bytes=99999999-")
	if p := problem(t, status, header, refused); p.Code() != "range_not_satisfiable" || header.Get("Content-Range") == "" {
		t.Errorf("range behind the end: %s, %v", refused, header)
	}
	status, header, refused = f.ask(t, http.MethodGet, route, "", nil, "If-Match", `"x"`)
	if p := problem(t, status, header, refused); p.Code() != "precondition_failed" {
		t.Errorf("If-Match: %s", refused)
	}
	// A download that broke off goes on from where it stopped.
	cut := path + "-cut"
	if err := os.WriteFile(cut+"."+file.Digest.Short()+".part", whole[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.DownloadBlob(ctx, file.Digest, cut); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(cut); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("resumed download has %d bytes, error %v", len(got), err)
	}
	// One that is not what it should be is found and begun afresh.
	if err := os.WriteFile(cut+"."+file.Digest.Short()+".part", bytes.Repeat([]byte{1}, len(whole)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.DownloadBlob(ctx, file.Digest, cut); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("download onto foreign bytes: %v", err)
	}
	if _, err := f.client.DownloadBlob(ctx, file.Digest, cut); err != nil {
		t.Errorf("download after that: %v", err)
	}

	card, err := f.client.Card(ctx, j.ID)
	if err != nil || !json.Valid(card) || ledger.Hash(card) != j.Card.Digest {
		t.Errorf("card %s, error %v", card, err)
	}
	if status, _, b := f.ask(t, http.MethodGet, route+"/card", "", nil); status != http.StatusOK || !bytes.Equal(b, card) {
		t.Errorf("card of the version: status %d", status)
	}
	checkProvenance(t, f, j, route)
	checkUpdatesStayPrivate(t, f, j)
}

// checkProvenance asks where the model comes from, for the card for people, and
// for what each peer answered.
func checkProvenance(t *testing.T, f *fixture, j *v1.Job, route string) {
	t.Helper()
	for form, want := range map[string]string{client.FormPROV: `"librum:model-` + j.Model.Digest.String(), client.FormInToto: `"predicateType": "https://slsa.dev`} {
		b, err := f.client.Provenance(t.Context(), j.ID, j.FinalRounds, form)
		if err != nil || !json.Valid(b) || !strings.Contains(string(b), want) {
			t.Errorf("provenance as %s: %s, %v", form, b, err)
		}
	}
	for _, version := range []uint64{0, 99} {
		if _, err := f.client.Provenance(t.Context(), j.ID, version, client.FormPROV); !client.IsCode(err, "not_found") {
			t.Errorf("provenance of version %d: %v", version, err)
		}
	}
	if status, _, _ := f.ask(t, http.MethodGet, route+"/provenance?form=xml", "", nil); status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
		t.Errorf("a form that there is not: status %d", status)
	}
	status, header, text := f.ask(t, http.MethodGet, "/v1/models/"+j.ID.String()+"/card?form=markdown", "", nil)
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/markdown") || !bytes.Contains(text, []byte("](data:image/svg+xml;base64,")) {
		t.Errorf("card for people: status %d, %v, %.200s", status, header, text)
	}
	var all []v1.Update
	page := client.Page{Limit: 1}
	for range 3 {
		part, err := f.client.Updates(t.Context(), j.ID, 1, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part.Updates...)
		if page.Cursor = part.NextCursor; page.Cursor == "" {
			break
		}
	}
	if len(all) != 2 || all[0].Peer.String() >= all[1].Peer.String() || all[0].State != "submitted" || all[0].NumExamples == 0 || len(all[1].Metrics) != 2 || all[1].File == nil {
		t.Errorf("updates %+v", all)
	}
	if _, err := f.client.Updates(t.Context(), j.ID, 9, client.Page{}); !client.IsCode(err, "not_found") {
		t.Errorf("updates of round 9: %v", err)
	}
	if _, err := f.client.Updates(t.Context(), j.ID, 1, client.Page{Cursor: "x"}); !client.IsCode(err, "invalid") {
		t.Errorf("updates behind nonsense: %v", err)
	}
}

// checkUpdatesStayPrivate asks for an update whose digest the ledger shows.
func checkUpdatesStayPrivate(t *testing.T, f *fixture, j *v1.Job) {
	t.Helper()
	u, ok, err := fl.LoadUpdate(f.Nodes[0].State(t.Context()), j.ID, 1, f.secrets.ID(localnet.KindPeer, 0))
	if err != nil || !ok || u.Digest.IsZero() {
		t.Fatalf("update %+v, error %v", u, err)
	}
	if _, there, err := f.Nodes[0].Blobs.Has(t.Context(), u.Digest); err != nil || !there {
		t.Fatalf("the node does not hold the update: %v", err)
	}
	if _, err := f.client.Blob(t.Context(), u.Digest); !client.IsCode(err, "not_found") {
		t.Errorf("a peer's update: %v", err)
	}
	b, err := f.client.Blob(t.Context(), j.Model.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if n, err := io.Copy(io.Discard, b); err != nil || uint64(n) != j.Model.Size {
		t.Errorf("%d bytes of the model, error %v", n, err)
	}
}

func checkPeersAndLists(t *testing.T, f *fixture, j *v1.Job) {
	t.Helper()
	ctx := t.Context()
	list, err := f.client.Peers(ctx, client.Page{Limit: 1})
	if err != nil || len(list.Peers) != 1 || list.NextCursor == "" {
		t.Fatalf("peers %+v, error %v", list, err)
	}
	rest, err := f.client.Peers(ctx, client.Page{Cursor: list.NextCursor})
	if err != nil || len(rest.Peers) != 1 || rest.NextCursor != "" {
		t.Fatalf("peers %+v, error %v", rest, err)
	}
	if p, err := f.client.Peer(ctx, list.Peers[0].ID); err != nil || !p.Available {
		t.Errorf("peer %+v, error %v", p, err)
	}
	if task, err := f.as(t, localnet.KindPeer, 0).client.Task(ctx, f.secrets.ID(localnet.KindPeer, 0), 0); err != nil || task != nil {
		t.Errorf("task after the job: %+v, error %v", task, err)
	}
	jobs, err := f.client.Jobs(ctx, client.Page{})
	if err != nil || len(jobs.Jobs) != 1 || jobs.Jobs[0].ID != j.ID {
		t.Errorf("jobs %+v, error %v", jobs, err)
	}
}

// A job nobody trains waits, streams heartbeats, and can be cancelled.
func TestCancelledJobEndsItsStream(t *testing.T) {
	t.Parallel()
	f := start(t, options{limits: limitsOf(20 * time.Millisecond)})
	status, header, body := f.ask(t, http.MethodPost, "/v1/jobs", "application/yaml", []byte("num_rounds: 1\nmodel: {layers: [64, 10]}\n"))
	var j v1.Job
	if err := json.Unmarshal(body, &j); err != nil || status != http.StatusCreated || header.Get("Location") != "/v1/jobs/"+j.ID.String() {
		t.Fatalf("status %d, %s", status, body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/v1/jobs/"+j.ID.String()+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.token)
	response, err := impatient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && lines.Text() != ": still there" {
	}
	for range 2 {
		if j, err = f.client.CancelJob(t.Context(), j.ID); err != nil || j.State != string(job.StateCancelled) {
			t.Fatalf("cancel: %+v, error %v", j, err)
		}
	}
	text := ""
	for lines.Scan() {
		text += lines.Text() + "\n"
	}
	if lines.Err() != nil || !strings.Contains(text, "\nevent: job.cancelled\n") && !strings.Contains(text, "event: job.cancelled\n") {
		t.Errorf("stream ends with %q, error %v", text, lines.Err())
	}
}
