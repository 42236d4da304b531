package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// CreateJob creates a job under an idempotency key. An empty one is made up,
// so that a repeat within this call makes no second job.
func (c *Client) CreateJob(ctx context.Context, spec job.Spec, key string) (v1.Job, error) {
	var out v1.Job
	if key == "" {
		key = rand.Text()
	}
	b, err := json.Marshal(spec)
	if err != nil {
		return out, fmt.Errorf("encode the job spec: %w", err)
	}
	return out, c.do(ctx, &call{
		method: http.MethodPost, path: "/v1/jobs", header: map[string]string{"Idempotency-Key": key},
		contentType: "application/json", body: b, safe: true, out: &out,
	})
}

// Job returns where a job stands.
func (c *Client) Job(ctx context.Context, id ledger.Digest) (v1.Job, error) {
	var out v1.Job
	return out, c.do(ctx, get(jobPath(id), nil, &out))
}

// Jobs lists jobs in the order of their ids.
func (c *Client) Jobs(ctx context.Context, page Page) (v1.Jobs, error) {
	var out v1.Jobs
	return out, c.do(ctx, get("/v1/jobs", page.query(), &out))
}

// Rounds lists a job's rounds, the oldest first.
func (c *Client) Rounds(ctx context.Context, id ledger.Digest, page Page) (v1.Rounds, error) {
	var out v1.Rounds
	return out, c.do(ctx, get(jobPath(id)+"/rounds", page.query(), &out))
}

// Updates lists what the peers of a round answered.
func (c *Client) Updates(ctx context.Context, id ledger.Digest, round uint64, page Page) (v1.Updates, error) {
	var out v1.Updates
	return out, c.do(ctx, get(jobPath(id)+"/rounds/"+strconv.FormatUint(round, 10)+"/updates", page.query(), &out))
}

// JobPeers sums up what each peer of a job did, in a page of its rounds, the oldest
// first. [AddUp] puts pages together.
func (c *Client) JobPeers(ctx context.Context, id ledger.Digest, page Page) (v1.JobPeers, error) {
	var out v1.JobPeers
	return out, c.do(ctx, get(jobPath(id)+"/peers", page.query(), &out))
}

// AddUp returns the sums over two pages of peers, which follow each other.
func AddUp(a, b v1.JobPeers) v1.JobPeers {
	sums := v1.JobPeers{Peers: []v1.JobPeer{}, FirstRound: a.FirstRound, LastRound: b.LastRound, NextCursor: b.NextCursor}
	if a.FirstRound == 0 {
		sums.FirstRound = b.FirstRound
	}
	if b.LastRound == 0 {
		sums.LastRound = a.LastRound
	}
	at := map[ledger.ID]int{}
	for _, p := range slices.Concat(a.Peers, b.Peers) {
		i, known := at[p.Peer]
		if !known {
			at[p.Peer] = len(sums.Peers)
			p.Refused, p.Declined = maps.Clone(p.Refused), maps.Clone(p.Declined)
			sums.Peers = append(sums.Peers, p)
			continue
		}
		sum := &sums.Peers[i]
		sum.Selected += p.Selected
		sum.Committed += p.Committed
		sum.Refused = addReasons(sum.Refused, p.Refused)
		sum.Void += p.Void
		sum.Declined = addReasons(sum.Declined, p.Declined)
		sum.Late += p.Late
		sum.Dropped += p.Dropped
		sum.Pending += p.Pending
		sum.NumExamples += p.NumExamples
		sum.Bytes += p.Bytes
	}
	slices.SortFunc(sums.Peers, func(x, y v1.JobPeer) int { return bytes.Compare(x.Peer[:], y.Peer[:]) })
	return sums
}

func addReasons(to, more map[string]uint64) map[string]uint64 {
	if to == nil {
		return maps.Clone(more)
	}
	for reason, n := range more {
		to[reason] += n
	}
	return to
}

// Metrics lists what the final rounds of a job reached.
func (c *Client) Metrics(ctx context.Context, id ledger.Digest, page Page) (v1.Metrics, error) {
	var out v1.Metrics
	return out, c.do(ctx, get(jobPath(id)+"/metrics", page.query(), &out))
}

// CancelJob ends a job. A job that is cancelled already stays so.
func (c *Client) CancelJob(ctx context.Context, id ledger.Digest) (v1.Job, error) {
	var out v1.Job
	return out, c.do(ctx, &call{method: http.MethodPost, path: jobPath(id) + "/cancel", safe: true, out: &out})
}

// Card returns the card of a finished job's model, checked against the digest
// on the ledger as this server tells it.
func (c *Client) Card(ctx context.Context, id ledger.Digest) (json.RawMessage, error) {
	j, err := c.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	var b []byte
	if err := c.do(ctx, get("/v1/models/"+id.String()+"/card", nil, &b)); err != nil {
		return nil, err
	}
	if j.Card != nil && ledger.Hash(b) != j.Card.Digest {
		return nil, fmt.Errorf("read the model card: it has digest %s, the ledger says %s", ledger.Hash(b), j.Card.Digest)
	}
	return b, nil
}

// The forms of a provenance.
const (
	FormPROV   = "prov"    // W3C PROV-JSON
	FormInToto = "in-toto" // a statement with SLSA Provenance
)

// Provenance returns where a version of a job's model comes from, as this server
// tells it.
func (c *Client) Provenance(ctx context.Context, id ledger.Digest, version uint64, form string) (json.RawMessage, error) {
	var b []byte
	path := "/v1/models/" + id.String() + "/versions/" + strconv.FormatUint(version, 10) + "/provenance"
	return b, c.do(ctx, get(path, url.Values{"form": {form}}, &b))
}

func jobPath(id ledger.Digest) string { return "/v1/jobs/" + id.String() }
