package elastic

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// view is a point in time of a generation, at one of its checkpoints.
type view struct {
	index string
	at    query.Checkpoint
	pit   string // by which Elasticsearch knows it
	// shards is how many answer. Of an index that was deleted and made again there
	// are none, and Elasticsearch finds nothing wrong with that.
	shards int

	users   int  // searches that read it
	retired bool // another has taken its place
}

// keepAlive is how long a point in time lives after it was read last. One that
// has died is taken anew.
const keepAlive = "5m"

// current is what searches read, and the checkpoint that they should.
func (x *Index) current() (*view, *query.Checkpoint) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.showing, x.due
}

// owe leaves it to the next search to have a checkpoint shown.
func (x *Index) owe(at *query.Checkpoint) {
	due := *at
	x.mu.Lock()
	defer x.mu.Unlock()
	x.due = &due
}

// settle has the checkpoint shown that is due.
func (x *Index) settle(ctx context.Context) error {
	if _, due := x.current(); due == nil {
		return nil
	}
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	if _, due := x.current(); due != nil && x.whole { // else what is under way shows it, or one after it
		return x.open(ctx, x.state.Index, *due)
	}
	return nil
}

// use returns the view for a search, which calls done after.
func (x *Index) use() (v *view, done func(context.Context)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.showing == nil {
		return nil, func(context.Context) {}
	}
	v = x.showing
	v.users++
	return v, func(ctx context.Context) {
		x.mu.Lock()
		v.users--
		idle := v.retired && v.users == 0
		x.mu.Unlock()
		if idle {
			x.release(ctx, v)
		}
	}
}

// show puts a view in the place of the one that searches read.
func (x *Index) show(ctx context.Context, v *view) {
	x.mu.Lock()
	old := x.showing
	x.showing, x.due = v, nil
	idle := false
	if old != nil {
		old.retired = true
		idle = old.users == 0
	}
	x.mu.Unlock()
	if idle {
		x.release(ctx, old)
	}
}

// release gives a point in time back, whatever ended the search. One that is not
// given back dies by itself.
func (x *Index) release(ctx context.Context, v *view) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	b, err := body(object{"id": v.pit})
	if err == nil {
		_ = x.client.ask(ctx, "give back the point in time", esapi.ClosePointInTimeRequest{Body: b}, nil)
	}
}

// open takes a point in time of a generation, in which nothing is under way, and
// has searches read it.
func (x *Index) open(ctx context.Context, index string, at query.Checkpoint) error {
	if err := x.refresh(ctx, index); err != nil {
		return err
	}
	var answer struct {
		ID     string `json:"id"`
		Shards shards `json:"_shards"`
	}
	if err := x.client.ask(ctx, "take a point in time", esapi.OpenPointInTimeRequest{Index: []string{index}, KeepAlive: keepAlive}, &answer); err != nil {
		return err
	}
	x.show(ctx, &view{index: index, at: at, pit: answer.ID, shards: answer.Shards.Successful})
	return nil
}

// renew takes a view in the place of one that has died with its server or its
// index, or was not read for long.
func (x *Index) renew(ctx context.Context, died *view) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	if v, _ := x.current(); v != died {
		return nil // somebody did
	}
	index, uuid, at, sound := x.state.Index, x.state.UUID, x.state.At, x.whole
	if old := x.state.Old; old != nil {
		index, uuid, at, sound = old.Index, old.UUID, &old.At, true
	}
	if sound {
		uuids, err := x.uuids(ctx)
		if err != nil {
			return err
		}
		sound = uuids[index] == uuid
	}
	if !sound {
		x.show(ctx, nil)
		return query.ErrNotReady
	}
	return x.open(ctx, index, *at)
}

func (x *Index) refresh(ctx context.Context, index string) error {
	return x.client.ask(ctx, "refresh "+index, esapi.IndicesRefreshRequest{Index: []string{index}}, nil)
}

// highest is the greatest height of a generation's documents.
func (x *Index) highest(ctx context.Context, index string) (uint64, error) {
	if err := x.refresh(ctx, index); err != nil {
		return 0, err
	}
	b, err := body(object{
		"size": 1, "_source": false, "track_total_hits": false, "sort": []object{{document.FieldHeight: "desc"}},
	})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Hits struct {
			Hits []struct {
				Sort []json.Number `json:"sort"`
			} `json:"hits"`
		} `json:"hits"`
	}
	partial := false
	r := esapi.SearchRequest{Index: []string{index}, Body: b, AllowPartialSearchResults: &partial}
	if err := x.client.ask(ctx, "look for the greatest height", r, &answer); err != nil {
		return 0, err
	}
	if len(answer.Hits.Hits) == 0 || len(answer.Hits.Hits[0].Sort) == 0 {
		return 0, nil
	}
	height, err := strconv.ParseUint(string(answer.Hits.Hits[0].Sort[0]), 10, 64)
	if err != nil {
		return math.MaxUint64, nil //nolint:nilerr // below 0: none of Librum's
	}
	return height, nil
}
