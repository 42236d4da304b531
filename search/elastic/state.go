package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// state says which generation is written and which answers.
type state struct {
	Node   ledger.ID `json:"node"`
	Layout string    `json:"layout"`
	Number int       `json:"number"` // of the newest generation
	Index  string    `json:"index"`  // that is written; empty: none
	UUID   string    `json:"uuid"`   // by which Elasticsearch knows it
	// At is its checkpoint; nil while the base is not complete.
	At *query.Checkpoint `json:"at"`
	// Old answers until the one that is written has come as far.
	Old *oldGeneration `json:"old"`
}

// oldGeneration is one whose fields were others.
type oldGeneration struct {
	Index string           `json:"index"`
	UUID  string           `json:"uuid"`
	At    query.Checkpoint `json:"at"`
}

// version is that of the state's document: who writes it must have read it.
type version struct {
	SeqNo int `json:"_seq_no"`
	Term  int `json:"_primary_term"`
}

// ErrOwner tells that the prefix is another node's: choose another.
var ErrOwner = errors.New("the prefix is another node's")

const stateID = "state"

// load reads the state, and forgets of it what is no longer there.
func (x *Index) load(ctx context.Context) error {
	s, v, err := x.read(ctx)
	if err != nil {
		return err
	}
	if s.Layout != x.layout.id && s.At != nil && s.Old == nil {
		s.Old = &oldGeneration{s.Index, s.UUID, *s.At}
	}
	if s.Layout != x.layout.id {
		s.Layout, s.Index, s.UUID, s.At = x.layout.id, "", "", nil
	}
	uuids, err := x.uuids(ctx)
	if err != nil {
		return err
	}
	if uuid, there := uuids[s.Index]; !there || uuid != s.UUID {
		s.Index, s.UUID, s.At = "", "", nil
	}
	if s.Old != nil {
		if uuid, there := uuids[s.Old.Index]; !there || uuid != s.Old.UUID {
			s.Old = nil // a row that names no generation, or several by a pattern, is deleted by nobody
		}
	}
	if s.Index != x.state.Index || s.UUID != x.state.UUID {
		x.whole, x.until = false, 0
	}
	s.Node, x.version = x.config.Node, v
	x.state = s
	return nil
}

// read returns the state as it is written; none is an empty one.
func (x *Index) read(ctx context.Context) (s state, v version, err error) {
	var answer struct {
		version

		Source struct {
			State state `json:"state"`
		} `json:"_source"`
	}
	err = x.client.ask(ctx, "read the state", esapi.GetRequest{Index: x.stateIndex(), DocumentID: stateID}, &answer)
	if isMissing(err) {
		return state{}, version{}, nil
	}
	if err != nil {
		return s, v, err
	}
	s = answer.Source.State
	if s.Node != x.config.Node {
		return s, v, fmt.Errorf("%w: %s belongs to node %s; give this one a prefix of its own", ErrOwner, x.config.Prefix, s.Node)
	}
	return s, answer.version, nil
}

// save writes the state, unless somebody else has.
func (x *Index) save(ctx context.Context, s state) error {
	b, err := body(object{"state": s})
	if err != nil {
		return err
	}
	r := esapi.IndexRequest{Index: x.stateIndex(), DocumentID: stateID, Body: b}
	if x.version.Term == 0 {
		r.OpType = "create"
	} else {
		r.IfSeqNo, r.IfPrimaryTerm = &x.version.SeqNo, &x.version.Term
	}
	var v version
	err = x.client.ask(ctx, "write the state", r, &v)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Status == http.StatusConflict {
		// The answer to an earlier try may have been lost.
		there, now, readErr := x.read(ctx)
		if readErr != nil {
			return readErr
		}
		if !same(there, s) {
			return fmt.Errorf("another process writes to the indices of %s", x.config.Prefix)
		}
		v, err = now, nil
	}
	if err == nil {
		x.state, x.version = s, v
	}
	return err
}

func same(a, b state) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}

// uuids are the ids of the generations that there are, by name.
func (x *Index) uuids(ctx context.Context) (map[string]string, error) {
	var answer map[string]struct {
		Settings struct {
			Index struct {
				UUID string `json:"uuid"`
			} `json:"index"`
		} `json:"settings"`
	}
	r := esapi.IndicesGetRequest{Index: []string{x.config.Prefix + "-v*"}, Features: "settings", ExpandWildcards: "all"}
	if err := x.client.ask(ctx, "list the generations", r, &answer); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, i := range answer {
		number, ok := strings.CutPrefix(name, x.config.Prefix+"-v")
		if _, err := strconv.ParseUint(number, 10, 31); ok && err == nil {
			out[name] = i.Settings.Index.UUID
		}
	}
	return out, nil
}

// begin makes a new generation and removes those that nobody needs.
func (x *Index) begin(ctx context.Context) error {
	s := x.state
	if s.At != nil || s.Old == nil { // what it held was read, and found to be of no use
		s.Old = nil
		x.show(ctx, nil)
	}
	if err := x.putTemplates(ctx); err != nil {
		return err
	}
	if err := x.create(ctx, x.stateIndex()); err != nil {
		return err
	}
	uuids, err := x.uuids(ctx)
	if err != nil {
		return err
	}
	for name := range uuids {
		if s.Old != nil && s.Old.Index == name {
			continue
		}
		if err := x.remove(ctx, name); err != nil {
			return err
		}
	}
	s.Number++
	s.Node, s.Layout, s.Index, s.At = x.config.Node, x.layout.id, x.generation(s.Number), nil
	if err := x.create(ctx, s.Index); err != nil {
		return err
	}
	if uuids, err = x.uuids(ctx); err != nil {
		return err
	}
	s.UUID = uuids[s.Index]
	x.whole, x.until = false, 0
	if s.Old == nil {
		if err := x.point(ctx, s.Index); err != nil {
			return err
		}
	}
	return x.save(ctx, s)
}

// advance writes a checkpoint of the generation, and has it answer once it has
// come as far as the old one.
func (x *Index) advance(ctx context.Context, at query.Checkpoint) error {
	s := x.state
	s.At = &at
	old := s.Old
	if old != nil && (at.Height >= old.At.Height || at.Chain != old.At.Chain) && x.until <= at.Height {
		s.Old = nil
	}
	if old == nil || s.Old != nil {
		return x.save(ctx, s)
	}
	if err := x.point(ctx, s.Index); err != nil {
		return err
	}
	if err := x.save(ctx, s); err != nil {
		return err
	}
	return x.remove(ctx, old.Index)
}

// putTemplates says what the indices of the prefix look like, and that none is
// made by writing to it.
func (x *Index) putTemplates(ctx context.Context) error {
	const priority = 500 // above those that come with Elasticsearch
	for name, t := range map[string]object{
		x.config.Prefix: {
			"index_patterns": []string{x.config.Prefix + "-v*"},
			"template":       object{"settings": x.settings(), "mappings": x.layout.mappings},
		},
		x.stateIndex(): {
			"index_patterns": []string{x.stateIndex()},
			"template": object{
				"settings": object{"number_of_shards": 1, "number_of_replicas": x.config.Replicas},
				"mappings": object{"dynamic": "strict", "properties": object{"state": object{"type": "object", "enabled": false}}},
			},
		},
	} {
		t["priority"], t["allow_auto_create"] = priority, false
		t["_meta"] = object{"description": "final blocks of a Librum node; built again from its ledger"}
		b, err := body(t)
		if err != nil {
			return err
		}
		if err := x.client.ask(ctx, "put the template "+name, esapi.IndicesPutIndexTemplateRequest{Name: name, Body: b}, nil); err != nil {
			return err
		}
	}
	return nil
}

// create makes an index of the template's form, unless it is there.
func (x *Index) create(ctx context.Context, index string) error {
	err := x.client.ask(ctx, "make the index "+index, esapi.IndicesCreateRequest{Index: index}, nil)
	if r, ok := errors.AsType[*refusal](err); ok && r.is("resource_already_exists_exception") {
		return nil
	}
	return err
}

func (x *Index) remove(ctx context.Context, index string) error {
	err := x.client.ask(ctx, "remove the index "+index, esapi.IndicesDeleteRequest{Index: []string{index}}, nil)
	if isMissing(err) {
		return nil
	}
	return err
}

// point has the aliases name a generation, and no other, at once.
func (x *Index) point(ctx context.Context, index string) error {
	actions := []object{}
	add := func(alias string, filter object) {
		actions = append(actions, object{"remove": object{"index": x.config.Prefix + "-v*", "alias": alias, "must_exist": false}})
		to := object{"index": index, "alias": alias}
		if filter != nil {
			to["filter"] = filter
		}
		actions = append(actions, object{"add": to})
	}
	add(x.config.Prefix, nil)
	for _, k := range document.Kinds() {
		add(x.config.Prefix+"-"+string(k), object{"term": object{document.FieldKind: k}})
	}
	b, err := body(object{"actions": actions})
	if err != nil {
		return err
	}
	return x.client.ask(ctx, "point the aliases to "+index, esapi.IndicesUpdateAliasesRequest{Body: b}, nil)
}
