package document

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
)

// Maker makes documents. It holds nothing between calls.
type Maker struct {
	schema    *Schema
	contracts []Contract
	things    map[Kind]Thing
	byName    map[string]Contract
	decoder   cbor.DecMode
}

// NewMaker returns a maker of the documents of the contracts.
func NewMaker(contracts []Contract) (*Maker, error) {
	schema, err := NewSchema(contracts)
	if err != nil {
		return nil, err
	}
	decoder, err := newDecoder()
	if err != nil {
		return nil, err
	}
	m := &Maker{schema: schema, contracts: contracts, things: map[Kind]Thing{}, byName: map[string]Contract{}, decoder: decoder}
	for _, c := range contracts {
		m.byName[c.Name] = c
		for _, t := range c.Things {
			m.things[t.Kind] = t
		}
	}
	return m, nil
}

// Schema returns the fields of all documents.
func (m *Maker) Schema() *Schema { return m.schema }

// Base visits a document for each thing in the state after the block of that
// height, where an index begins: the genesis, or what a store was restored to.
func (m *Maker) Base(height uint64, logTime int64, state contract.Range, visit func(Document) error) error {
	for _, c := range m.contracts {
		for _, t := range c.Things {
			err := each(state, t.Prefix, func(row contract.Row) error {
				ref, ok := t.Parse(row.Key)
				if !ok {
					return nil
				}
				d, ok, err := m.thing(state, ref, height, logTime)
				if err != nil || !ok {
					return err
				}
				return visit(d)
			})
			if err != nil {
				return fmt.Errorf("document %ss after block %d: %w", t.Kind, height, err)
			}
		}
	}
	return nil
}

func (m *Maker) thing(state contract.State, ref Ref, height uint64, logTime int64) (Document, bool, error) {
	v, ok, err := m.things[ref.Kind].Load(state, ref)
	if err != nil || !ok {
		return Document{}, false, err
	}
	v.time(FieldTime, logTime)
	return Document{Kind: ref.Kind, ID: ref.id(), Height: height, Fields: v}, true, nil
}

// blockMaking is what is known of a block so far.
type blockMaking struct {
	*Maker

	block     *ledger.Block
	documents []Document
	touched   map[Ref]ledger.Digest // by which transaction last
}

// Block returns the documents of a block, given the states before and after it.
func (m *Maker) Block(b *ledger.Block, hash ledger.Digest, before, after contract.Range) ([]Document, error) {
	making := &blockMaking{Maker: m, block: b, touched: map[Ref]ledger.Digest{}}
	size, err := making.transactions()
	if err != nil {
		return nil, fmt.Errorf("document block %d: %w", b.Header.Height, err)
	}
	making.header(hash, size)
	for _, c := range m.contracts {
		if c.Sealed == nil {
			continue
		}
		if err := c.Sealed(before, after, func(ref Ref) { making.touch(ref, ledger.Digest{}) }); err != nil {
			return nil, fmt.Errorf("document what changed with block %d: %w", b.Header.Height, err)
		}
	}
	if err := making.things(after); err != nil {
		return nil, fmt.Errorf("document what block %d touched: %w", b.Header.Height, err)
	}
	return making.documents, nil
}

func (m *blockMaking) touch(ref Ref, by ledger.Digest) {
	if old, there := m.touched[ref]; !there || old.IsZero() || !by.IsZero() {
		m.touched[ref] = by
	}
}

func (m *blockMaking) add(kind Kind, id string, v Values) {
	h := &m.block.Header
	v.time(FieldTime, h.LogTime)
	m.documents = append(m.documents, Document{Kind: kind, ID: id, Height: h.Height, Fields: v})
}

func (m *blockMaking) header(hash ledger.Digest, size int) {
	h := &m.block.Header
	v := Values{FieldPublic: true, "size": int64(size)}
	v.digest("hash", hash)
	v.digest("previous", h.Previous)
	v.number("epoch", h.Epoch)
	skipped := 0
	for i := range m.block.Records {
		if len(m.block.Records[i].Envelope) == 0 {
			skipped++
		}
	}
	v["num_transactions"] = int64(len(m.block.Results))
	v["num_records"] = int64(len(m.block.Records))
	v["num_skipped"] = int64(skipped)
	m.add(KindBlock, strconv.FormatUint(h.Height, 10), v)
}

// transactions documents transactions and their events, and returns the bytes of
// all records.
func (m *blockMaking) transactions() (size int, err error) {
	for i := range m.block.Records {
		size += len(m.block.Records[i].Envelope)
	}
	all, err := m.block.TransactionBytes()
	if err != nil {
		return 0, err
	}
	if len(all) != len(m.block.Results) {
		return 0, fmt.Errorf("it has %d transactions and %d results", len(all), len(m.block.Results))
	}
	for i, raw := range all {
		m.transaction(raw, &m.block.Results[i])
	}
	return size, nil
}

func (m *blockMaking) transaction(raw []byte, r *ledger.Result) {
	v := Values{"size": int64(len(raw)), "num_events": int64(len(r.Events))}
	v.digest(FieldTransaction, r.ID)
	v.keyword(FieldCode, string(r.Code))
	t, envelope, err := ledger.ParseTransaction(raw)
	if err != nil { // it stands in the block as malformed; nothing in it counts
		v.text(string(r.Code))
		m.add(KindTransaction, r.Position.String(), v)
		return
	}
	v.id(FieldSender, t.Sender)
	v.id(FieldOwner, t.Sender)
	v.keyword(FieldContract, t.Contract)
	v.keyword(FieldMethod, t.Method)
	v.digest("key", envelope.Key)
	v.time("expiry", t.Expiry)
	if t.Contract == governance.Name { // what organisations decide together is everybody's
		v[FieldPublic] = true
	}
	words := []string{t.Contract, t.Method, string(r.Code)}
	var args map[string]any
	if m.decoder.Unmarshal(t.Args, &args) == nil {
		words = append(words, m.schema.take(Values{}, args)...)
	}
	v.text(words...)
	for i, e := range r.Events {
		job := m.event(v, &t, r, i, e)
		if _, set := v[FieldJob]; !set && job != "" {
			v[FieldJob] = job // who may see the job may see the transaction
		}
	}
	m.add(KindTransaction, r.Position.String(), v)
}

// event documents an event and returns the job that it is about.
func (m *blockMaking) event(of Values, t *ledger.Transaction, r *ledger.Result, i int, e ledger.Event) (job string) {
	v := Values{}
	for _, name := range []string{FieldTransaction, FieldSender, FieldOwner, FieldContract, FieldMethod, FieldCode, FieldPublic} {
		if value, ok := of[name]; ok {
			v[name] = value
		}
	}
	v.keyword(FieldType, e.Type)
	words := []string{e.Type}
	read := Event{Type: e.Type}
	if m.decoder.Unmarshal(e.Data, &read.Data) == nil {
		words = append(words, m.schema.take(v, read.Data)...)
	}
	v.text(words...)
	if c, ok := m.byName[t.Contract]; ok && c.Touched != nil {
		c.Touched(read, func(ref Ref) { m.touch(ref, r.ID) })
	}
	m.add(KindEvent, r.Position.String()+"/"+strconv.Itoa(i), v)
	job, _ = v[FieldJob].(string)
	return job
}

func (m *blockMaking) things(after contract.State) error {
	refs := make([]Ref, 0, len(m.touched))
	for ref := range m.touched {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, Ref.compare)
	for _, ref := range refs {
		d, ok, err := m.thing(after, ref, m.block.Header.Height, m.block.Header.LogTime)
		if err != nil {
			return fmt.Errorf("%s %s: %w", ref.Kind, ref.id(), err)
		}
		if !ok {
			continue
		}
		d.Fields.digest(FieldTransaction, m.touched[ref])
		m.documents = append(m.documents, d)
	}
	return nil
}
