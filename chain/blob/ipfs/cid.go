package ipfs

import (
	"context"
	"fmt"
	"io"

	chunker "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"github.com/multiformats/go-multihash"
)

// The chunking of all blobs; a change of it changes every CID.
const (
	chunkBytes   = 1 << 20
	linksPerNode = 174
)

// CID computes the address that kubo gives the content of r.
func CID(r io.Reader) (cid.Cid, error) {
	params := helpers.DagBuilderParams{
		RawLeaves: true, Maxlinks: linksPerNode, Dagserv: nowhere{},
		CidBuilder: cid.V1Builder{Codec: cid.DagProtobuf, MhType: multihash.SHA2_256},
	}
	builder, err := params.New(chunker.NewSizeSplitter(r, chunkBytes))
	if err != nil {
		return cid.Undef, fmt.Errorf("compute CID: %w", err)
	}
	root, err := balanced.Layout(builder)
	if err != nil {
		return cid.Undef, fmt.Errorf("compute CID: %w", err)
	}
	return root.Cid(), nil
}

// nowhere forgets the nodes of a tree: only the root's address is wanted.
type nowhere struct{ format.DAGService }

func (nowhere) Add(context.Context, format.Node) error       { return nil }
func (nowhere) AddMany(context.Context, []format.Node) error { return nil }
