package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a run of characters
	tokenString           // in quotes; text is what stands in them
	tokenSign             // one of ( ) [ ] { } * : < <= > >= -
)

type token struct {
	kind  tokenKind
	text  string
	at    int  // byte offset
	glued bool // nothing lies between it and the token before
}

// is reports whether the token is that sign or keyword.
func (t token) is(text string) bool {
	return (t.kind == tokenSign || t.kind == tokenWord) && t.text == text
}

func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end"
	case tokenString:
		return "a string"
	case tokenWord, tokenSign:
	}
	return quoteShort(t.text)
}

const signs = `()[]{}*:<>="`

// lexer splits a query on demand: behind a field's sign a word may hold colons.
type lexer struct {
	text string
	at   int
}

func (l *lexer) next(afterField bool) (token, error) {
	start := l.at
	l.at += len(l.text[l.at:]) - len(strings.TrimLeftFunc(l.text[l.at:], unicode.IsSpace))
	t := token{at: l.at, glued: l.at == start && start > 0}
	if l.at == len(l.text) {
		return t, nil
	}
	rest := l.text[l.at:]
	switch {
	case rest[0] == '"':
		return l.quoted(t)
	case strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, ">="):
		t.kind, t.text = tokenSign, rest[:2]
	case rest[0] == '=':
		return t, l.fail(l.at, "a field, a word or a string", `"="; fields are compared by :`)
	case strings.IndexByte(signs, rest[0]) >= 0:
		t.kind, t.text = tokenSign, rest[:1]
	case rest[0] == '-' && !afterField && len(rest) > 1 && rest[1] != ' ':
		t.kind, t.text = tokenSign, "-"
	default:
		t.kind, t.text = tokenWord, rest[:wordLength(rest, afterField)]
	}
	l.at += len(t.text)
	return t, nil
}

func wordLength(rest string, afterField bool) int {
	for i, r := range rest {
		if unicode.IsSpace(r) || strings.ContainsRune(signs, r) && (r != ':' || !afterField) {
			return i
		}
	}
	return len(rest)
}

func (l *lexer) quoted(t token) (token, error) {
	t.kind = tokenString
	var text strings.Builder
	for i := l.at + 1; i < len(l.text); i++ {
		switch c := l.text[i]; c {
		case '"':
			l.at, t.text = i+1, text.String()
			return t, nil
		case '\\':
			if i++; i == len(l.text) {
				return t, l.fail(len(l.text), `a character behind \`, "the end")
			}
			_, n := utf8.DecodeRuneInString(l.text[i:])
			text.WriteString(l.text[i : i+n])
			i += n - 1
		default:
			text.WriteByte(c)
		}
	}
	return t, l.fail(len(l.text), `" at the end of the string`, "the end")
}

func (l *lexer) fail(at int, expected, found string) *SyntaxError {
	return &SyntaxError{Position: utf8.RuneCountInString(l.text[:at]) + 1, Expected: expected, Found: found}
}
