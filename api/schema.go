package api

import (
	"iter"
	"maps"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/librum/librum/chain/ledger"
)

// The schemas of ids and digests, wherever they stand.
type (
	idSchema     struct{}
	digestSchema struct{}
)

// Schema implements [huma.SchemaProvider].
func (idSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{32}$", PatternDescription: "32 lower-case hexadecimal digits"}
}

// Schema implements [huma.SchemaProvider].
func (digestSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$", PatternDescription: "64 lower-case hexadecimal digits"}
}

func newSchemas() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[ledger.ID](), reflect.TypeFor[idSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[ledger.Digest](), reflect.TypeFor[digestSchema]())
	return r
}

func splitPath(name string) iter.Seq[string] { return strings.SplitSeq(name, ".") }

// inline returns a schema whose references are replaced by what they name.
func inline(registry huma.Registry, s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		s = registry.SchemaFromRef(s.Ref)
	}
	whole := *s
	whole.Properties = maps.Clone(s.Properties)
	for name, property := range whole.Properties {
		whole.Properties[name] = inline(registry, property)
	}
	return &whole
}
