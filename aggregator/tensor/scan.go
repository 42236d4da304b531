package tensor

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// scanner walks the JSON header. encoding/json would do, were it not that it
// keeps the last of two equal keys, takes keys in any case and repairs broken
// UTF-8, each of which lets two readers see two models in one file.
type scanner struct {
	buf []byte
	pos int
}

// fail makes a syntax error at the scanner's place; the header begins behind
// the eight bytes of its length.
func (s *scanner) fail(kind Kind, tensor, format string, args ...any) *Error {
	return &Error{Kind: kind, Tensor: tensor, Offset: int64(8 + s.pos), Detail: fmt.Sprintf(format, args...)}
}

func (s *scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte that is no white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos == len(s.buf) {
		return 0
	}
	return s.buf[s.pos]
}

// expect consumes c.
func (s *scanner) expect(c byte) error {
	if got := s.peek(); got != c {
		if s.pos == len(s.buf) {
			return s.fail(KindSyntax, "", "the header ends where %q is expected", c)
		}
		return s.fail(KindSyntax, "", "%q where %q is expected", got, c)
	}
	s.pos++
	return nil
}

// str consumes a string.
func (s *scanner) str() (string, error) {
	if err := s.expect('"'); err != nil {
		return "", err
	}
	begin, escaped := s.pos, false
	for ; s.pos < len(s.buf); s.pos++ {
		switch c := s.buf[s.pos]; {
		case c == '"':
			lit := s.buf[begin:s.pos]
			s.pos++
			if !escaped {
				return string(lit), nil
			}
			return s.unescape(s.buf[begin-1 : s.pos])
		case c == '\\':
			escaped = true
			s.pos++
		case c < ' ':
			return "", s.fail(KindSyntax, "", "control character %#02x in a string; write it as an escape", c)
		}
	}
	s.pos = len(s.buf)
	return "", s.fail(KindSyntax, "", "the header ends inside a string")
}

// unescape decodes a quoted literal. encoding/json turns a lone surrogate
// into U+FFFD, so that two names could become one; such literals are refused.
func (s *scanner) unescape(quoted []byte) (string, error) {
	var out string
	if err := json.Unmarshal(quoted, &out); err != nil {
		return "", s.fail(KindSyntax, "", "a string with an escape that JSON does not know")
	}
	if strings.ContainsRune(out, utf8.RuneError) {
		return "", s.fail(KindSyntax, "", "a string that escapes half a surrogate pair")
	}
	return out, nil
}

// number consumes a whole number from 0 to 2^63-1, written in digits only.
func (s *scanner) number(tensor string) (int64, error) {
	if c := s.peek(); c < '0' || c > '9' {
		return 0, s.fail(KindSyntax, tensor, "a whole number from 0 to 2^63-1 is expected")
	}
	begin, n := s.pos, int64(0)
	for ; s.pos < len(s.buf); s.pos++ {
		c := s.buf[s.pos]
		if c < '0' || c > '9' {
			break
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, s.fail(KindSyntax, tensor, "a number above 2^63-1")
		}
		n = n*10 + d
	}
	if s.buf[begin] == '0' && s.pos-begin > 1 {
		return 0, s.fail(KindSyntax, tensor, "a number with leading zeros")
	}
	if s.pos < len(s.buf) && strings.IndexByte(".eE", s.buf[s.pos]) >= 0 {
		return 0, s.fail(KindSyntax, tensor, "a number with a point or exponent; whole digits are expected")
	}
	return n, nil
}

// object consumes {"key": value, …}, calling value with each key; keys are
// unique.
func (s *scanner) object(value func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	seen := make(map[string]struct{})
	for {
		s.space()
		at := s.pos
		key, err := s.str()
		if err != nil {
			return err
		}
		if _, twice := seen[key]; twice {
			s.pos = at
			return s.fail(KindDuplicate, key, "the key %.64q stands twice", key)
		}
		seen[key] = struct{}{}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := value(key); err != nil {
			return err
		}
		if s.peek() != ',' {
			return s.expect('}')
		}
		s.pos++
	}
}

// numbers consumes [n, …] with at most limit numbers.
func (s *scanner) numbers(tensor string, limit int, kind Kind) ([]int64, error) {
	if err := s.expect('['); err != nil {
		return nil, err
	}
	out := []int64{}
	if s.peek() == ']' {
		s.pos++
		return out, nil
	}
	for {
		if len(out) == limit {
			return nil, s.fail(kind, tensor, "more than %d numbers", limit)
		}
		n, err := s.number(tensor)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		if s.peek() != ',' {
			return out, s.expect(']')
		}
		s.pos++
	}
}
