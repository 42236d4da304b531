package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// The formats of a submission.
const (
	typeJSON = "application/json"
	typeCBOR = "application/cbor" // a batch: an array of byte strings
	typeCOSE = "application/cose" // one transaction as it is (RFC 9052)
)

// submission is what was submitted.
type submission struct {
	raw    [][]byte
	single bool // answered as one transaction
}

// readSubmission reads a body of one of the formats. It aliases nothing of the
// body, which the framework takes back.
func readSubmission(contentType string, b []byte, limits Limits) (submission, error) {
	media, err := mediaType(contentType)
	if err != nil {
		return submission{}, err
	}
	var sub submission
	switch media {
	case typeCOSE:
		return submission{raw: [][]byte{bytes.Clone(b)}, single: true}, nil
	case typeCBOR:
		if err := ledger.Decode("batch", b, int(limits.BodyBytes), &sub.raw); err != nil {
			return sub, fail("bad_request", err.Error())
		}
	case typeJSON, "":
		if sub, err = readJSONSubmission(b); err != nil {
			return sub, err
		}
	default:
		return sub, fail("unsupported_media_type", "want "+typeJSON+", "+typeCBOR+" or "+typeCOSE)
	}
	if n := len(sub.raw); n == 0 || n > limits.BatchLength {
		return sub, invalidField("body.transactions", fmt.Sprintf("%d transactions; 1 to %d are allowed", n, limits.BatchLength))
	}
	return sub, nil
}

func readJSONSubmission(b []byte) (submission, error) {
	var given v1.Submission
	if err := strictJSON(b, &given); err != nil {
		return submission{}, err
	}
	if given.Transaction != "" {
		if given.Transactions != nil {
			return submission{}, invalidField("body.transactions", "not allowed beside transaction")
		}
		raw, err := readBase64("body.transaction", given.Transaction)
		return submission{raw: [][]byte{raw}, single: true}, err
	}
	sub := submission{raw: make([][]byte, 0, len(given.Transactions))}
	for i, text := range given.Transactions {
		raw, err := readBase64(fmt.Sprintf("body.transactions[%d]", i), text)
		if err != nil {
			return sub, err
		}
		sub.raw = append(sub.raw, raw)
	}
	return sub, nil
}

func readBase64(field, text string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, invalidField(field, fmt.Sprintf("%v; want standard base64 with padding", err))
	}
	return raw, nil
}

// strictJSON reads one JSON object into v and refuses fields it does not have.
func strictJSON(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
	case errors.As(err, &wrongType):
		return invalidField("body."+wrongType.Field, fmt.Sprintf("%s is not allowed; want %s", wrongType.Value, jsonName(wrongType.Type.Kind().String())))
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		field := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return invalidField("body."+field, "no such field")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fail("bad_request", fmt.Sprintf("the JSON object ends early, after %d bytes", len(b)))
	default:
		return fail("bad_request", fmt.Sprintf("byte %d: not JSON: %v", d.InputOffset(), err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fail("bad_request", fmt.Sprintf("byte %d: more follows the JSON object", d.InputOffset()))
	}
	return nil
}

// jsonName returns what JSON calls a kind of Go value.
func jsonName(kind string) string {
	switch kind {
	case "slice":
		return "an array"
	case "struct":
		return "an object"
	}
	return "a " + kind
}

func invalidField(field, message string) error {
	f := fail("invalid", "")
	f.Errors = []v1.FieldError{{Field: field, Message: message}}
	return f
}

// mediaType returns the bare type of a Content-Type.
func mediaType(contentType string) (string, error) {
	if contentType == "" {
		return "", nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", fail("unsupported_media_type", "the Content-Type cannot be read")
	}
	return media, nil
}
