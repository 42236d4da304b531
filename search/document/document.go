package document

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/librum/librum/chain/ledger"
)

// Kind is what a document is about.
type Kind string

// The kinds.
const (
	KindBlock       Kind = "block"
	KindTransaction Kind = "transaction"
	KindEvent       Kind = "event"
	KindAccount     Kind = "account"
	KindIdentity    Kind = "identity"
	KindJob         Kind = "job"
	KindRound       Kind = "round"
	KindUpdate      Kind = "update"
	KindModel       Kind = "model"
)

// Kinds lists them.
func Kinds() []Kind {
	return []Kind{KindBlock, KindTransaction, KindEvent, KindAccount, KindIdentity, KindJob, KindRound, KindUpdate, KindModel}
}

// Lasting are the kinds of what stands in the state, of which the newest version
// is kept whatever the retention; the others happened at one height.
func Lasting() []Kind {
	return []Kind{KindAccount, KindIdentity, KindJob, KindRound, KindUpdate, KindModel}
}

// Document is one thing that can be found.
type Document struct {
	Kind   Kind
	ID     string
	Height uint64 // of the block that wrote this version
	Fields Values // but kind, id and height
}

// Key is the document's name in an index.
func (d *Document) Key() string { return string(d.Kind) + "/" + d.ID }

// Values are fields by name; see [Type] for what they hold.
type Values map[string]any

// Limits of a document.
const (
	MaxTextBytes    = 16 << 10
	MaxKeywordBytes = 512
	MaxKeywords     = 4_096 // of one field
	// MaxTime bounds times to what back ends take, ms: the year 9999.
	MaxTime = 253_402_300_800_000
)

// keyword sets a field unless the text is empty; a longer one than may be found
// is cut at a character.
func (v Values) keyword(name, text string) {
	if text != "" {
		v[name] = cut(text, MaxKeywordBytes)
	}
}

func (v Values) id(name string, id ledger.ID) {
	if !id.IsZero() {
		v[name] = id.String()
	}
}

func (v Values) digest(name string, d ledger.Digest) {
	if !d.IsZero() {
		v[name] = d.String()
	}
}

func (v Values) number(name string, n uint64) {
	if n <= math.MaxInt64 {
		v[name] = int64(n)
	}
}

// time sets a log time that there is.
func (v Values) time(name string, ms int64) {
	if ms > 0 && ms < MaxTime {
		v[name] = ms
	}
}

func (v Values) text(words ...string) {
	if all := cut(strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "), MaxTextBytes); all != "" {
		v[FieldText] = all
	}
}

// many sets a field of several keywords, ascending, each once.
func (v Values) many(name string, list []string) {
	list = slices.Clone(list)
	for i := range list {
		list[i] = cut(list[i], MaxKeywordBytes)
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) > 0 {
		v[name] = list[:min(len(list), MaxKeywords)]
	}
}

// texts are the texts of values that have one.
func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = item.String()
	}
	return out
}

// cut shortens valid UTF-8 to at most n bytes, between characters.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
