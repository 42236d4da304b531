package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/internal/durable"
)

func newNFTCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nft",
		Short: "Unique tokens: collections, mint, move, approve (ERC-721)",
		Long:  "Unique tokens, with the functions of ERC-721. COLLECTION is the id of a collection, NUMBER that of a token in it.",
		Example: "  librum nft create prints-2026 --name Prints --symbol PRT --genesis 3f0c… --identity member-key\n" +
			"  librum nft mint 5c0d… 1 9a41… --file print.png --media-type image/png --genesis 3f0c… --identity member-key\n" +
			"  librum nft show 5c0d… 1",
		RunE: chooseSubcommand,
	}
	a := newAssetCommands(cmd, nft.Name)
	cmd.AddCommand(a.nftList(), a.nftShow(), a.nftTokens(), a.nftCreate(), a.nftMint())
	cmd.AddCommand(a.nftMoves()...)
	cmd.AddCommand(a.roles()...)
	return cmd
}

func (a *assetCommands) nftList() *cobra.Command {
	return a.listing("list", "List collections", "list --json", 0, func(ctx context.Context, c *client.Client, _ []string) (any, func(table), error) {
		page, err := c.Collections(ctx, a.page)
		if err != nil {
			return nil, nil, answered(err)
		}
		return page, func(t table) {
			t.row("ID", "SYMBOL", "NAME")
			for _, one := range page.Collections {
				t.row(one.ID, one.Symbol, one.Name)
			}
			nextPage(t, page.NextCursor)
		}, nil
	})
}

func (a *assetCommands) nftShow() *cobra.Command {
	return a.asking("show COLLECTION NUMBER", "Show a token, its owner and what it stands for", "show 5c0d… 1", 2, func(ctx context.Context, c *client.Client, args []string) (any, func(table), error) {
		collection, id, err := parseNFT(args[0], args[1])
		if err != nil {
			return nil, nil, wrongUse(err)
		}
		one, err := c.NFT(ctx, collection, id)
		if err != nil {
			return nil, nil, answered(err)
		}
		return one, func(t table) {
			t.row("token", one.TokenID)
			t.row("owner", one.Owner)
			if one.Approved != nil {
				t.row("approved", *one.Approved)
			}
			t.row("minted", logTime(one.Minted)+" by "+one.Minter.String())
			t.row("object", one.Object.MediaType+", SHA-256 "+one.Object.Digest.String())
			if one.Object.URI != "" {
				t.row("at", one.Object.URI)
			}
		}, nil
	})
}

func (a *assetCommands) nftTokens() *cobra.Command {
	var owner string
	cmd := a.listing("tokens COLLECTION", "List tokens: an owner's, or all for admins and auditors", "tokens 5c0d… --owner 9a41…", 1, func(ctx context.Context, c *client.Client, args []string) (any, func(table), error) {
		collection, err := ledger.ParseDigest(args[0])
		if err != nil {
			return nil, nil, wrongUse(err)
		}
		var of ledger.ID
		if owner != "" {
			if of, err = ledger.ParseID(owner); err != nil {
				return nil, nil, wrongUse(fmt.Errorf("--owner: %w", err))
			}
		}
		page, err := c.NFTs(ctx, collection, of, a.page)
		if err != nil {
			return nil, nil, answered(err)
		}
		return page, func(t table) {
			for _, one := range page.NFTs {
				t.row(one.TokenID, one.Owner, one.Object.MediaType, one.Object.Digest)
			}
			nextPage(t, page.NextCursor)
		}, nil
	})
	cmd.Flags().StringVar(&owner, "owner", "", "only those of this account")
	return cmd
}

func (a *assetCommands) nftCreate() *cobra.Command {
	var of nft.Create
	cmd := a.acting("create KEY", "Create a collection; the same member and key make the same one", "create prints-2026 --name Prints --symbol PRT", 1, func(by *actor, args []string) (call, error) {
		of.Key = []byte(args[0])
		id := asset.ID(by.caller.Sender, of.Key)
		return call{nft.MethodCreate, &of, "created collection " + id.String()}, asset.CheckNames(of.Name, of.Symbol)
	})
	cmd.Flags().StringVar(&of.Name, "name", "", "name for people")
	cmd.Flags().StringVar(&of.Symbol, "symbol", "", "short name, up to 16 characters")
	return cmd
}

func (a *assetCommands) nftMint() *cobra.Command {
	var file, digest, mediaType, uri string
	cmd := a.acting("mint COLLECTION NUMBER TO", "Make a token for an account, as a minter", "mint 5c0d… 1 9a41… --file print.png --media-type image/png --uri https://example.org/print.png", 3, func(_ *actor, args []string) (call, error) {
		collection, id, err := parseNFT(args[0], args[1])
		if err != nil {
			return call{}, err
		}
		to, err := ledger.ParseID(args[2])
		if err != nil {
			return call{}, err
		}
		object, err := objectDigest(file, digest)
		return call{nft.MethodSafeMint, &nft.SafeMint{Mint: nft.Mint{
			Collection: collection, To: to, TokenID: id, Digest: object, MediaType: mediaType, URI: uri,
		}}, "minted token " + args[1]}, err
	})
	flags := cmd.Flags()
	flags.StringVar(&file, "file", "", "the object, whose SHA-256 goes to the ledger; it stays where it is")
	flags.StringVar(&digest, "digest", "", "its SHA-256, in place of the file")
	flags.StringVar(&mediaType, "media-type", "", "what the object is, say image/png")
	flags.StringVar(&uri, "uri", "", "where the object is, https or ipfs; none for a blob of the nodes")
	return cmd
}

// objectDigest is the digest of an object that a file holds, or that is given.
func objectDigest(file, digest string) (ledger.Digest, error) {
	if (file == "") == (digest == "") {
		return ledger.Digest{}, errors.New("give either --file or --digest")
	}
	if digest != "" {
		return ledger.ParseDigest(digest)
	}
	f, err := durable.OpenFile(file, os.O_RDONLY, 0)
	if err != nil {
		return ledger.Digest{}, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ledger.Digest{}, fmt.Errorf("read %s: %w", file, err)
	}
	return ledger.Digest(h.Sum(nil)), nil
}

// nftMoves makes the commands that change owners and approvals.
func (a *assetCommands) nftMoves() []*cobra.Command {
	return []*cobra.Command{
		a.acting("transfer COLLECTION NUMBER FROM TO", "Move a token of FROM's; a receiver's handler is asked", "transfer 5c0d… 1 9a41… 7c1e…", 4, func(_ *actor, args []string) (call, error) {
			collection, id, err := parseNFT(args[0], args[1])
			if err != nil {
				return call{}, err
			}
			from, err := ledger.ParseID(args[2])
			if err != nil {
				return call{}, err
			}
			to, err := ledger.ParseID(args[3])
			return call{nft.MethodSafeTransferFrom, &nft.SafeTransferFrom{
				TransferFrom: nft.TransferFrom{Collection: collection, From: from, To: to, TokenID: id},
			}, "transferred token " + args[1]}, err
		}),
		a.acting("approve COLLECTION NUMBER OWNER ACCOUNT", "Let an account move a token of OWNER's; zeros for nobody", "approve 5c0d… 1 9a41… 7c1e…", 4, func(_ *actor, args []string) (call, error) {
			collection, id, err := parseNFT(args[0], args[1])
			if err != nil {
				return call{}, err
			}
			owner, err := ledger.ParseID(args[2])
			if err != nil {
				return call{}, err
			}
			to, err := ledger.ParseID(args[3])
			return call{nft.MethodApprove, &nft.Approve{Collection: collection, Owner: owner, Approved: to, TokenID: id}, "approved"}, err
		}),
		a.operatorCommand("approve-all", "Let an operator move all one's tokens of a collection", true),
		a.operatorCommand("disapprove-all", "Let an operator move them no longer", false),
		a.acting("burn COLLECTION NUMBER FROM", "End a token of FROM's", "burn 5c0d… 1 9a41…", 3, func(_ *actor, args []string) (call, error) {
			collection, id, err := parseNFT(args[0], args[1])
			if err != nil {
				return call{}, err
			}
			from, err := ledger.ParseID(args[2])
			return call{nft.MethodBurn, &nft.Burn{Collection: collection, From: from, TokenID: id}, "burnt token " + args[1]}, err
		}),
	}
}

func (a *assetCommands) operatorCommand(verb, short string, approved bool) *cobra.Command {
	return a.acting(verb+" COLLECTION OPERATOR", short, verb+" 5c0d… 9a41…", 2, func(_ *actor, args []string) (call, error) {
		collection, err := ledger.ParseDigest(args[0])
		if err != nil {
			return call{}, err
		}
		operator, err := ledger.ParseID(args[1])
		return call{nft.MethodSetApprovalForAll, &nft.SetApprovalForAll{Collection: collection, Operator: operator, Approved: approved}, verb}, err
	})
}

func parseNFT(collectionText, number string) (ledger.Digest, ledger.Amount, error) {
	collection, err := ledger.ParseDigest(collectionText)
	if err != nil {
		return collection, ledger.Amount{}, err
	}
	id, err := ledger.ParseAmount(number)
	return collection, id, err
}
