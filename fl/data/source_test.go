package data

import (
	"errors"
	"strings"
	"testing"
)

func TestParseSource(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Source{
		"csv:a b/rows.csv?label=ill&schema=s.yaml":  {Kind: SourceCSV, Path: "a b/rows.csv", Label: "ill", Schema: "s.yaml"},
		"csv:C:/x.csv?schema=s%3F.yaml&label=a%20b": {Kind: SourceCSV, Path: "C:/x.csv", Label: "a b", Schema: "s?.yaml"},
		"idx:train-images.gz,train-labels":          {Kind: SourceIDX, Images: "train-images.gz", Labels: "train-labels"},
		"digits:1/3?seed=7":                         {Kind: SourceDigits, Part: 1, Of: 3, Seed: 7},
		"digits:100/100?seed=18446744073709551615":  {Kind: SourceDigits, Part: 100, Of: 100, Seed: 1<<64 - 1},
	} {
		if got, err := ParseSource(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                                      "no kind",
		"orc:x":                                 "no kind",
		"csv:x.csv":                             "label and schema",
		"csv:?label=a&schema=b":                 "path",
		"csv:x?label=a&schema=b&sep=;":          "question mark",
		"csv:x?label=a&schema=b&sep=x":          "no parameter \"sep\"",
		"csv:x?label=a&label=b&schema=b":        "label is given 2 times",
		"csv:x?label=a&schema=b%00":             "zero byte",
		"csv:x\x00?label=a&schema=b":            "none of them zero",
		"idx:images":                            "one comma",
		"idx:a,b,c":                             "one comma",
		"digits:0/3?seed=1":                     "PART is 1 to OF",
		"digits:4/3?seed=1":                     "PART is 1 to OF",
		"digits:1/101?seed=1":                   "1 to 100",
		"digits:1?seed=1":                       "PART",
		"digits:1/3":                            "seed must be given",
		"digits:1/3?seed=-1":                    "whole number",
		"csv:" + strings.Repeat("x", maxSource): "at most",
	} {
		if _, err := ParseSource(text); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseSource(f *testing.F) {
	for _, s := range []string{"csv:a?label=b&schema=c", "idx:a,b", "digits:1/3?seed=7", "csv:%?%", "digits:/?seed"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSource(text)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		if strings.ContainsRune(s.Path+s.Label+s.Schema+s.Images+s.Labels, 0) || s.Kind == SourceDigits && (s.Part < 1 || s.Part > s.Of) {
			t.Errorf("%q gave %+v", text, s)
		}
		if again, err := ParseSource(s.String()); len(s.String()) <= maxSource && (err != nil || again != s) {
			t.Errorf("%q gave %+v, written %q and read again %+v, %v", text, s, s.String(), again, err)
		}
	})
}
