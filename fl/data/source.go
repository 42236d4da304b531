package data

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Source says where a peer's rows come from, as its owner wrote it. Opening the
// files is the caller's part.
type Source struct {
	Kind string // one of the Source constants

	Path   string // of a CSV or Parquet file
	Label  string // its column with the class
	Schema string // path of its schema

	Images, Labels string // paths of IDX files

	Part, Of int    // of the embedded digits, Part from 1
	Seed     uint64 // of their split
}

// The kinds of sources.
const (
	SourceCSV     = "csv"
	SourceParquet = "parquet"
	SourceIDX     = "idx"
	SourceDigits  = "digits"
)

// SourceForms documents what [ParseSource] reads.
const SourceForms = "csv:PATH?label=COLUMN&schema=FILE, parquet: in place of csv:, idx:IMAGES,LABELS or digits:PART/OF?seed=N"

const maxSource = 4 << 10 // bytes of a source

// ParseSource reads a source in one of the forms of [SourceForms]. A path goes
// to the first "?", or to the comma; a parameter that is unknown, missing or
// given twice is refused. Errors wrap ErrInvalid.
func ParseSource(text string) (Source, error) {
	if len(text) > maxSource || strings.ContainsRune(text, 0) {
		return Source{}, fmt.Errorf("data source: want at most %d bytes, none of them zero: %w", maxSource, ErrInvalid)
	}
	kind, rest, _ := strings.Cut(text, ":")
	s := Source{Kind: kind}
	place, query, _ := strings.Cut(rest, "?")
	var err error
	switch kind {
	case SourceCSV, SourceParquet:
		s.Path = place
		err = parameters(query, map[string]*string{"label": &s.Label, "schema": &s.Schema})
		if err == nil && (s.Path == "" || s.Label == "" || s.Schema == "") {
			err = errors.New("path, label and schema must be given")
		}
	case SourceIDX:
		var two bool
		s.Images, s.Labels, two = strings.Cut(rest, ",")
		if !two || s.Images == "" || s.Labels == "" || strings.Contains(s.Labels, ",") {
			err = errors.New("two paths with one comma between them must be given")
		}
	case SourceDigits:
		err = s.parseDigits(place, query)
	default:
		err = fmt.Errorf("no kind %.16q", kind)
	}
	if err != nil {
		return Source{}, fmt.Errorf("data source: %w; want %s: %w", err, SourceForms, ErrInvalid)
	}
	return s, nil
}

// String writes a source as [ParseSource] reads it.
func (s Source) String() string {
	switch s.Kind {
	case SourceCSV, SourceParquet:
		return fmt.Sprintf("%s:%s?label=%s&schema=%s", s.Kind, s.Path, url.QueryEscape(s.Label), url.QueryEscape(s.Schema))
	case SourceIDX:
		return fmt.Sprintf("%s:%s,%s", s.Kind, s.Images, s.Labels)
	default:
		return fmt.Sprintf("%s:%d/%d?seed=%d", s.Kind, s.Part, s.Of, s.Seed)
	}
}

func (s *Source) parseDigits(place, query string) error {
	part, of, _ := strings.Cut(place, "/")
	var errPart, errOf error
	s.Part, errPart = strconv.Atoi(part)
	s.Of, errOf = strconv.Atoi(of)
	if errPart != nil || errOf != nil || s.Of < 1 || s.Of > MaxDigitsParts || s.Part < 1 || s.Part > s.Of {
		return fmt.Errorf("PART is 1 to OF, and OF 1 to %d", MaxDigitsParts)
	}
	seed := ""
	if err := parameters(query, map[string]*string{"seed": &seed}); err != nil {
		return err
	}
	if seed == "" {
		return errors.New("seed must be given: all peers of a network need the same")
	}
	var err error
	if s.Seed, err = strconv.ParseUint(seed, 10, 64); err != nil {
		return fmt.Errorf("seed is %.24q: want a whole number", seed)
	}
	return nil
}

// parameters reads a query into the places of its names.
func parameters(query string, places map[string]*string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("the part behind the question mark: %w", err)
	}
	for name, given := range values {
		at, known := places[name]
		switch {
		case !known:
			return fmt.Errorf("no parameter %.24q", name)
		case len(given) != 1:
			return fmt.Errorf("%s is given %d times", name, len(given))
		case slices.Contains([]byte(given[0]), 0):
			return fmt.Errorf("%s holds a zero byte", name)
		}
		*at = given[0]
	}
	return nil
}
