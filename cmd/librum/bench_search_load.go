package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/indexer"
	"github.com/librum/librum/search/query"
)

// The made-up chain: so many transfers a block, between so many accounts, one
// block each so many milliseconds.
const (
	benchBlock    = 1_000
	benchAccounts = 10_000
	benchInterval = 1_000
	benchBegin    = 1_750_000_000_000
)

// bareWriter writes documents without an index's care.
type bareWriter interface {
	// prepare does what is not measured.
	prepare(list []document.Document) error
	write(ctx context.Context) error
	close(ctx context.Context) error
}

func benchID(what string, n int) string { return ledger.Hash(fmt.Append(nil, what, n)).String() }

func benchAccount(n int) string { return benchID("account", n%benchAccounts)[:32] }

// benchDocuments are those of a block of transfers. Accounts come again, so that
// old versions are replaced.
func benchDocuments(height int) []document.Document {
	list := make([]document.Document, 0, 4*benchBlock)
	at := int64(benchBegin + height*benchInterval)
	for i := range benchBlock {
		n := height*benchBlock + i
		from, to := benchAccount(n*7), benchAccount(n*7+1+height)
		code := "ok"
		if n%17 == 0 {
			code = "insufficient_funds"
		}
		common := document.Values{
			document.FieldTransaction: benchID("transaction", n), document.FieldSender: from, document.FieldOwner: from, document.FieldTime: at,
			document.FieldContract: "token", document.FieldMethod: "transfer", document.FieldCode: code,
		}
		with := func(more document.Values) document.Values {
			v := maps.Clone(common)
			maps.Copy(v, more)
			return v
		}
		place := fmt.Sprintf("%d.%d", height, i)
		add := func(kind document.Kind, id string, v document.Values) {
			list = append(list, document.Document{Kind: kind, ID: id, Height: uint64(height), Fields: v})
		}
		add(document.KindTransaction, place, with(document.Values{"size": int64(250), document.FieldText: "token transfer " + code}))
		add(document.KindEvent, place+"/0", with(document.Values{
			"amount": fmt.Sprint(n) + "000000000000000000", "from": from, "to": to, document.FieldType: "token.transfer", document.FieldText: "token.transfer",
		}))
		for _, account := range []string{from, to} {
			add(document.KindAccount, account, document.Values{"balance": fmt.Sprint(n) + "000000000000000000", document.FieldOwner: account, document.FieldTime: at})
		}
	}
	return list
}

// load writes all documents, by turns to the index and barely.
func (b *benchSearch) load(ctx context.Context, of benchIndex, x indexer.Index, schema *document.Schema) (result benchResult, err error) {
	bare, err := of.bare(ctx, schema)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, bare.close(context.WithoutCancel(ctx))) }()
	var took, barely, cpu time.Duration
	var times []time.Duration
	documents, size := 0, 0
	for height := 1; height <= b.transactions/benchBlock; height++ {
		list := benchDocuments(height)
		if err := bare.prepare(list); err != nil {
			return result, err
		}
		cpuBefore, err := processCPU()
		if err != nil {
			return result, err
		}
		begin := time.Now()
		if err := x.Apply(ctx, list, &query.Checkpoint{Height: uint64(height)}); err != nil {
			return result, err
		}
		times = append(times, time.Since(begin))
		cpuAfter, err := processCPU()
		if err != nil {
			return result, err
		}
		took, cpu = took+times[len(times)-1], cpu+cpuAfter-cpuBefore
		begin = time.Now()
		if err := bare.write(ctx); err != nil {
			return result, fmt.Errorf("write barely: %w", err)
		}
		barely += time.Since(begin)
		documents += len(list)
		for i := range list {
			size += len(list[i].ID) + 200
		}
	}
	rss, err := peakRSS()
	if err != nil {
		return result, err
	}
	rate, bound := float64(documents)/took.Seconds(), float64(documents)/barely.Seconds()
	return benchResult{
		What: "search write", RatePerS: rate, BytesPerS: float64(size) / took.Seconds(), P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64(cpu.Microseconds()) / float64(documents), PeakRSSBytes: rss,
		Bound: bound, BoundName: of.bareName(), RatioToBound: rate / bound,
		Conditions: fmt.Sprintf("%s: %d documents of %d transfers over %d accounts, %d at once, a checkpoint that can be searched after each; by turns with the bound; bytes are estimated",
			of.name(), documents, b.transactions, benchAccounts, 4*benchBlock),
		unit: "documents",
	}, nil
}

// bareSQLite writes JSON by key into a table, with the settings of the index.
type bareSQLite struct {
	db   *sql.DB
	keys []string
	rows []string
}

func (s *benchSQLite) bare(ctx context.Context, _ *document.Schema) (bareWriter, error) {
	db, err := sql.Open("sqlite", "file:"+s.path("bare")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=cache_size(-32768)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE bare(key TEXT PRIMARY KEY, document TEXT)"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &bareSQLite{db: db}, nil
}

func (b *bareSQLite) prepare(list []document.Document) error {
	b.keys, b.rows = b.keys[:0], b.rows[:0]
	for i := range list {
		text, err := json.Marshal(list[i].Fields)
		if err != nil {
			return err
		}
		b.keys, b.rows = append(b.keys, list[i].Key()), append(b.rows, string(text))
	}
	return nil
}

func (b *bareSQLite) write(ctx context.Context) (err error) {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	s, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO bare VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for i, key := range b.keys {
		if _, err := s.ExecContext(ctx, key, b.rows[i]); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (b *bareSQLite) close(context.Context) error { return b.db.Close() }

// bareBulk sends bytes made beforehand, by two connections, into an index of the
// same mapping that is never refreshed.
type bareBulk struct {
	of     *benchElastic
	bodies [][]byte
}

func (e *benchElastic) bare(ctx context.Context, schema *document.Schema) (bareWriter, error) {
	x, closeIndex, err := e.index(ctx, "bare", schema)
	if err != nil {
		return nil, err
	}
	_ = x // its generation is what is written to
	return &bareBulk{of: e}, closeIndex()
}

func (b *bareBulk) prepare(list []document.Document) error {
	const connections = 2
	b.bodies = make([][]byte, connections)
	for i := range b.bodies {
		var all bytes.Buffer
		e := json.NewEncoder(&all)
		for j := i * len(list) / connections; j < (i+1)*len(list)/connections; j++ {
			d := &list[j]
			o := map[string]any{"kind": d.Kind, "id": d.ID, "height": d.Height, "documentKey": d.Key()}
			maps.Copy(o, d.Fields)
			for name, value := range d.Fields {
				if text, ok := value.(string); ok {
					switch name {
					case "amount", "balance":
						o[name+"Number"] = query.AmountNumber(text)
					case document.FieldText:
						o["textWords"] = text
					}
				}
			}
			if err := errors.Join(e.Encode(map[string]any{"index": map[string]any{"_id": d.Key()}}), e.Encode(o)); err != nil {
				return err
			}
		}
		b.bodies[i] = all.Bytes()
	}
	return nil
}

func (b *bareBulk) write(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, body := range b.bodies {
		group.Go(func() error {
			var answer struct {
				Errors bool `json:"errors"`
			}
			err := b.of.call(ctx, http.MethodPost, "/"+b.of.prefix+"-bare-v1/_bulk?filter_path=errors", body, &answer)
			if err == nil && answer.Errors {
				err = errors.New("documents were refused")
			}
			return err
		})
	}
	return group.Wait()
}

func (*bareBulk) close(context.Context) error { return nil }
