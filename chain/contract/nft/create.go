package nft

import (
	"mime"
	"strings"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
)

// Create is the arguments of the method create. The same creator and key make the
// same collection, of id [asset.ID].
type Create struct {
	Key    []byte `cbor:"key"` // 1 to [asset.MaxKeyBytes] bytes
	Name   string `cbor:"name"`
	Symbol string `cbor:"symbol"`
}

// The bounds of what describes an object, bytes.
const (
	MaxMediaTypeBytes = 127
	MaxURIBytes       = 512
)

// check refuses what no reader could use.
func (o *Object) check() error {
	kind, _, err := mime.ParseMediaType(o.MediaType)
	switch {
	case o.Digest.IsZero():
		return contract.Errorf(contract.CodeBadArguments, "object: digest zero, want the SHA-256 of its bytes")
	case len(o.MediaType) > MaxMediaTypeBytes || err != nil || strings.Count(kind, "/") != 1:
		return contract.Errorf(contract.CodeBadArguments, "object: media type %.40q, want one like image/png", o.MediaType)
	case len(o.URI) > MaxURIBytes || strings.ContainsFunc(o.URI, func(r rune) bool { return r <= ' ' || r > '~' }):
		return contract.Errorf(contract.CodeBadArguments, "object: URI of %d bytes, want at most %d of printable ASCII without spaces", len(o.URI), MaxURIBytes)
	case o.URI != "" && !strings.HasPrefix(o.URI, "https://") && !strings.HasPrefix(o.URI, "ipfs://"):
		return contract.Errorf(contract.CodeBadArguments, "object: URI %.40q, want one of https or ipfs, or none for a blob of the nodes", o.URI)
	}
	return nil
}

func createFootprint(call contract.Call, a *Create) (f contract.Footprint, err error) {
	if err := asset.CheckKey(a.Key); err != nil {
		return f, err
	}
	id := asset.ID(call.Sender, a.Key)
	f.Reads = []contract.Key{members.MemberRow(call.Sender)}
	f.Writes = append(control.CreatorRows(id, call.Sender), CollectionRow(id))
	return f, asset.CheckNames(a.Name, a.Symbol)
}

func create(env *contract.Env, call contract.Call, a *Create) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	if _, err := members.Require(env, call.Sender, identity.RoleMember); err != nil {
		return err
	}
	id := asset.ID(call.Sender, a.Key)
	if _, exists, err := env.Get(CollectionRow(id)); err != nil || exists {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "collection %s exists", id)
		}
		return err
	}
	row := Collection{Creator: call.Sender, Created: env.LogTime(), Name: a.Name, Symbol: a.Symbol}
	if err := contract.Store(env, CollectionRow(id), &row); err != nil {
		return err
	}
	if err := env.Emit(EventCreated, &Creation{Collection: id, Creator: call.Sender, Name: a.Name, Symbol: a.Symbol}); err != nil {
		return err
	}
	return control.Create(env, id, call.Sender)
}
