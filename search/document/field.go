package document

import (
	"fmt"
	"slices"
	"strings"
)

// Type is what a field holds.
type Type string

// The types, and the Go type of their values.
const (
	Keyword Type = "keyword" // string, found whole or by its beginning; []string where a field has many
	Text    Type = "text"    // string, found by its words
	Integer Type = "integer" // int64
	Number  Type = "number"  // float64
	Time    Type = "time"    // int64, log time in ms
	Amount  Type = "amount"  // string, an exact decimal number
	Flag    Type = "flag"    // bool
)

// Numeric reports whether values of the type can be added.
func (t Type) Numeric() bool { return t == Integer || t == Number || t == Amount || t == Time }

// Field is one field of documents.
type Field struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	Many bool   `json:"many,omitempty"` // keywords alone
	// Indexed says that documents are often looked for by it.
	Indexed bool   `json:"-"`
	Doc     string `json:"doc"`
}

// The names of fields that more than one file speaks of.
const (
	FieldKind         = "kind"
	FieldID           = "id"
	FieldHeight       = "height"
	FieldTime         = "time"
	FieldTransaction  = "transaction"
	FieldSender       = "sender"
	FieldContract     = "contract"
	FieldMethod       = "method"
	FieldCode         = "code"
	FieldType         = "type"
	FieldJob          = "job"
	FieldRound        = "round"
	FieldText         = "text"
	FieldOwner        = "owner"
	FieldOrganisation = "organisation"
	FieldPublic       = "public"
)

// common are the fields of the chain itself.
func common() []Field {
	return []Field{
		{Name: FieldKind, Type: Keyword, Doc: "block, transaction, event, account, identity, job, round, update or model"},
		{Name: FieldID, Type: Keyword, Indexed: true, Doc: "what the ledger calls it: height, position on the log, member, job, job/round, job/round/peer"},
		{Name: FieldHeight, Type: Integer, Doc: "of the block that wrote it last"},
		{Name: FieldTime, Type: Time, Doc: "log time of that block"},
		{Name: FieldTransaction, Type: Keyword, Indexed: true, Doc: "id of the transaction that wrote it last"},
		{Name: FieldSender, Type: Keyword, Indexed: true, Doc: "member who sent the transaction"},
		{Name: FieldContract, Type: Keyword, Doc: "that was called"},
		{Name: FieldMethod, Type: Keyword, Doc: "that was called"},
		{Name: FieldCode, Type: Keyword, Doc: "result of the transaction; ok where it took effect"},
		{Name: FieldType, Type: Keyword, Indexed: true, Doc: "type of the event"},
		{Name: FieldText, Type: Text, Doc: "what was written in words: names, reasons, descriptions"},
		{Name: FieldOwner, Type: Keyword, Indexed: true, Doc: "member whose it is"},
		{Name: FieldPublic, Type: Flag, Doc: "every member may see it"},
		{Name: "hash", Type: Keyword, Indexed: true, Doc: "chain hash: digest of the block's header"},
		{Name: "previous", Type: Keyword, Doc: "chain hash of the block before"},
		{Name: "epoch", Type: Integer, Doc: "of the group that signed the block"},
		{Name: "num_transactions", Type: Integer, Doc: "in the block"},
		{Name: "num_records", Type: Integer, Doc: "of the log in the block"},
		{Name: "num_skipped", Type: Integer, Doc: "records that no node of the group signed"},
		{Name: "num_events", Type: Integer, Doc: "of the transaction"},
		{Name: "size", Type: Integer, Doc: "bytes of the block's records, of the transaction, or of the file"},
		{Name: "expiry", Type: Time, Doc: "of the transaction, member or delegate key"},
		{Name: "key", Type: Keyword, Doc: "id of the key that signed, or that the event is about"},
	}
}

// MaxFields bounds a schema: a back end has a column for each.
const MaxFields = 500

// Schema is the list of all fields.
type Schema struct {
	fields []Field
	byName map[string]int
}

// NewSchema returns the fields of the chain and of the contracts. It fails where
// two say different things of one name.
func NewSchema(contracts []Contract) (*Schema, error) {
	s := &Schema{byName: map[string]int{}}
	add := func(where string, f Field) error {
		if i, there := s.byName[f.Name]; there {
			if old := s.fields[i]; old.Type != f.Type || old.Many != f.Many {
				return fmt.Errorf("field %s of %s: it is a %s there and a %s elsewhere", f.Name, where, f.Type, old.Type)
			}
			s.fields[i].Indexed = s.fields[i].Indexed || f.Indexed
			return nil
		}
		if !fieldName(f.Name) || f.Many && f.Type != Keyword {
			return fmt.Errorf("field %q of %s: want a name of a-z and _, and many values of keywords alone", f.Name, where)
		}
		s.byName[f.Name] = len(s.fields)
		s.fields = append(s.fields, f)
		return nil
	}
	for _, f := range common() {
		if err := add("the chain", f); err != nil {
			return nil, err
		}
	}
	for _, c := range contracts {
		for _, f := range c.Fields {
			if err := add("contract "+c.Name, f); err != nil {
				return nil, err
			}
		}
	}
	if len(s.fields) > MaxFields {
		return nil, fmt.Errorf("%d fields, at most %d are allowed", len(s.fields), MaxFields)
	}
	return s, nil
}

func fieldName(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == "" && s[0] != '_'
}

// Fields returns all fields, those of the chain first.
func (s *Schema) Fields() []Field { return slices.Clone(s.fields) }

// Field returns the field of that name.
func (s *Schema) Field(name string) (Field, bool) {
	i, ok := s.byName[name]
	if !ok {
		return Field{}, false
	}
	return s.fields[i], true
}
