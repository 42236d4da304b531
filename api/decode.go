package api

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/chain/ledger"
)

// newEventDecoder returns a decoder for what contracts wrote. It reads any
// deterministic CBOR, since contracts of later versions say new things.
func newEventDecoder() (cbor.DecMode, error) {
	return cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  16,
		MaxArrayElements: 1 << 16,
		MaxMapPairs:      1 << 16,
		DefaultMapType:   reflect.TypeFor[map[string]any](),
	}.DecMode()
}

// toJSON shows CBOR as JSON: byte strings as text, the rest as it is. What
// cannot be shown is given as {"cbor": base64}.
func toJSON(decoder cbor.DecMode, b []byte) json.RawMessage {
	var v any
	if err := decoder.Unmarshal(b, &v); err == nil {
		if text, err := json.Marshal(plain("", v)); err == nil {
			return text
		}
	}
	text, _ := json.Marshal(map[string][]byte{"cbor": b}) // always encodes
	return text
}

// plain replaces what JSON does not have. The name is that of the field.
func plain(name string, v any) any {
	switch v := v.(type) {
	case []byte:
		return plainBytes(name, v)
	case map[string]any:
		for key, value := range v {
			v[key] = plain(key, value)
		}
	case []any:
		for i, value := range v {
			v[i] = plain(name, value)
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	}
	return v
}

// plainBytes tells amounts by the name of their field and ids and digests by
// their length.
func plainBytes(name string, b []byte) string {
	switch {
	case name == "amount" || name == "token_id":
		return new(big.Int).SetBytes(b).String()
	case len(b) == len(ledger.ID{}) || len(b) == len(ledger.Digest{}):
		return hex.EncodeToString(b)
	}
	return base64.StdEncoding.EncodeToString(b)
}
