package document

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of words.
const (
	MaxWordBytes = 128 // longer ones are found by so many bytes
	MaxWords     = 2_048
)

// Words splits a text into what it is found by: runs of letters, marks and
// numbers in lower case. Characters that are not shown, as marks of direction
// and joiners are, part nothing and count for nothing. Indexes store and look
// for these words, so that all back ends agree on what a word is.
func Words(text string) []string {
	var words []string
	for _, s := range Spans(text) {
		words = append(words, s.Word)
	}
	return words
}

// Span is a word and its place in the text, in bytes.
type Span struct {
	Word       string
	Start, End int
}

// Spans returns the words of a text with their places.
func Spans(text string) []Span {
	var spans []Span
	var word strings.Builder
	start, end := 0, 0
	flush := func() {
		if word.Len() > 0 && len(spans) < MaxWords {
			spans = append(spans, Span{Word: cut(word.String(), MaxWordBytes), Start: start, End: end})
		}
		word.Reset()
	}
	for i, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r):
			if word.Len() == 0 {
				start = i
			}
			word.WriteRune(unicode.ToLower(r))
			end = i + utf8.RuneLen(r)
		case unicode.Is(unicode.Cf, r):
		default:
			flush()
		}
	}
	flush()
	return spans
}
