package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// parseJSON reads a document token by token, since decoding into a map would
// drop all but the last of two equal names.
func parseJSON(b []byte) (tree, error) {
	if !utf8.Valid(b) {
		return tree{}, document("not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	t, err := readJSON(d, 0)
	if err != nil {
		return t, jsonProblem(d, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return t, document("byte %d: more follows the JSON object", d.InputOffset())
	}
	return t, nil
}

func jsonProblem(d *json.Decoder, err error) error {
	if spec, ok := errors.AsType[*SpecError](err); ok {
		return spec
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return document("byte %d: the JSON object does not end", d.InputOffset())
	}
	return document("byte %d: not JSON: %v", d.InputOffset(), err)
}

func readJSON(d *json.Decoder, depth int) (tree, error) {
	if depth > maxDepth {
		return tree{}, document("byte %d: nested deeper than %d levels", d.InputOffset(), maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return tree{}, err
	}
	switch token := token.(type) {
	case nil:
		return tree{kind: null}, nil
	case bool:
		return tree{kind: boolean, text: fmt.Sprint(token)}, nil
	case json.Number:
		return tree{kind: number, text: token.String()}, nil
	case string:
		return tree{kind: text, text: token}, nil
	case json.Delim:
		if token == '[' {
			return readJSONList(d, depth)
		}
		return readJSONObject(d, depth)
	}
	return tree{}, document("byte %d: unexpected %v", d.InputOffset(), token)
}

func readJSONList(d *json.Decoder, depth int) (tree, error) {
	t := tree{kind: list}
	for d.More() {
		item, err := readJSON(d, depth+1)
		if err != nil {
			return t, err
		}
		t.items = append(t.items, item)
	}
	_, err := d.Token()
	return t, err
}

func readJSONObject(d *json.Decoder, depth int) (tree, error) {
	t := tree{kind: object}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return t, err
		}
		value, err := readJSON(d, depth+1)
		if err != nil {
			return t, err
		}
		t.members = append(t.members, member{name: fmt.Sprint(name), value: value})
	}
	_, err := d.Token()
	return t, err
}
