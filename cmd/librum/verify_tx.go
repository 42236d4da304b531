package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/client"
)

func newVerifyTxCommand(o *verifyOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "tx ID",
		Short: "Check the proof of a transaction's result, from the genesis digest on",
		Long: `Check the proof of a transaction's result. With the digest of the genesis file
alone, learnt from somebody you trust, nothing that the server says is believed:
the group that signed is followed from the genesis through all its changes, and
what the transaction says is shown only if it has this id.

Exit 0 if a quorum signed the result, 1 if the proof does not hold, 3 if it could
not be had.`,
		Example: "  librum verify tx 9a41… --server http://127.0.0.1:8080 --genesis 7d0a…",
		Args:    oneArgument("the transaction's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseDigest(args[0])
			if err != nil {
				return wrongUse(err)
			}
			switch {
			case o.server == "" || cmd.Flags().Changed("dir"):
				return wrongUse(errors.New("--server: name the node that gives the proof; a directory is checked whole by librum verify chain"))
			case o.head != "" || o.minHeight != 0:
				return wrongUse(errors.New("--head and --min-height are anchors of a chain; a proof is anchored by --genesis"))
			}
			return o.runTx(cmd.Context(), cmd.OutOrStdout(), id)
		},
	}
}

// verifiedTx is what a verified proof says.
type verifiedTx struct {
	ID       ledger.Digest `json:"id"`
	Code     ledger.Code   `json:"code"`
	Position string        `json:"position"`
	Height   uint64        `json:"height"`
	Epoch    uint64        `json:"epoch"`
	LogTime  int64         `json:"log_time"`
	Signers  int           `json:"signers"`
	Nodes    int           `json:"nodes"`
	Call     string        `json:"call,omitempty"`   // missing where the server does not give what was signed
	Sender   *ledger.ID    `json:"sender,omitempty"` // by whom it was signed: proven
	// Claimed is whom a refused transaction says it is by. It may be refused for
	// its signature, or before that was looked at: anybody may have written it.
	Claimed *ledger.ID `json:"claimed_sender,omitempty"`
	// Delegated is the server's word that a node signed with a key that it holds
	// for the sender: a proof is of the result, which does not say it.
	Delegated bool `json:"delegated_says_server,omitempty"`
}

// txResult is a [verifyResult] with what was proven.
type txResult struct {
	verifyResult

	Transaction *verifiedTx `json:"transaction,omitempty"`
}

func (o *verifyOptions) runTx(ctx context.Context, out io.Writer, id ledger.Digest) error {
	anchors, err := o.anchors()
	if err != nil {
		return wrongUse(err)
	}
	flags := o.serverFlags()
	c, err := flags.open()
	if err != nil {
		return err
	}
	defer c.Close()
	w := txWalk{client: c, anchor: anchors.Genesis}
	result := txResult{verifyResult: verifyResult{OK: true, Verdict: verify.Right}}
	result.Transaction, err = w.verify(ctx, id)
	result.Checked = w.checked
	if err != nil {
		result.OK, result.Verdict = false, verify.Incomplete
		result.First = &verify.Finding{Kind: "unavailable", Where: o.server, Message: err.Error()}
		if found, ok := errors.AsType[*verify.Finding](err); ok {
			result.Verdict, result.First = verify.Wrong, found
		}
	}
	if o.json {
		if err := printJSON(out, &result); err != nil {
			return err
		}
	} else if result.OK {
		showVerifiedTx(out, result.Transaction, anchors.Genesis.IsZero(), w.chain)
	}
	switch {
	case result.OK:
		return nil
	case result.Verdict == verify.Wrong:
		return &exitError{code: exitNo, err: err}
	default:
		return &exitError{code: exitUnknown, err: err}
	}
}

func showVerifiedTx(out io.Writer, t *verifiedTx, unanchored bool, chain ledger.Digest) {
	say(out, "transaction %s: %s", t.ID, t.Code)
	switch {
	case t.Sender != nil:
		say(out, "%s by %s", t.Call, t.Sender)
	case t.Claimed != nil:
		say(out, "%s, says that it is by %s: it was refused, and nothing shows who signed it", t.Call, t.Claimed)
	}
	if t.Delegated {
		say(out, "signed by a node with a key that it holds for the sender, says the server; librum verify chain checks it")
	}
	say(out, "right: in block %d, log time %s, signed by %d of the %d nodes of epoch %d", t.Height, logTime(t.LogTime), t.Signers, t.Nodes, t.Epoch)
	if unanchored {
		say(out, "genesis %s is what the server says: without --genesis nothing shows that this is the chain you mean", chain)
	}
}

// txWalk follows one proof from the genesis on.
type txWalk struct {
	client  *client.Client
	anchor  ledger.Digest
	chain   ledger.Digest
	checked verify.Checked
}

// check counts the signatures that are checked.
func (w *txWalk) check(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
	w.checked.Signatures++
	return identity.Verify(key, message, signature)
}

func (w *txWalk) verify(ctx context.Context, id ledger.Digest) (*verifiedTx, error) {
	wrong := func(kind, where string, err error) error {
		return &verify.Finding{Kind: kind, Where: where, Message: err.Error()}
	}
	b, digest, err := w.client.Genesis(ctx)
	if err != nil {
		return nil, answered(err)
	}
	w.chain = digest
	if !w.anchor.IsZero() && digest != w.anchor {
		return nil, wrong("anchor", "genesis", fmt.Errorf("the server's chain is %s, the anchor says %s", digest, w.anchor))
	}
	genesis, _, err := ledger.ParseGenesis(b)
	if err != nil {
		return nil, wrong("genesis", "genesis", err)
	}
	shown, err := w.client.Proof(ctx, id)
	if err != nil {
		return nil, answered(err)
	}
	proof, err := ledger.ParseResultProof(shown.Proof)
	if err != nil {
		return nil, wrong("malformed", "proof", err)
	}
	groups := ledger.NewGroups(digest, genesis.Shard, genesis.Group)
	if err := w.reach(ctx, groups, &proof); err != nil {
		if errors.Is(err, ledger.ErrProof) || errors.Is(err, ledger.ErrMalformed) {
			return nil, wrong("signature", "groups", err)
		}
		return nil, answered(err)
	}
	result, header, err := groups.Check(&proof, w.check)
	if err != nil {
		return nil, wrong("signature", "proof", err)
	}
	if result.ID != id {
		return nil, wrong("proof", "proof", fmt.Errorf("it is that of transaction %s", result.ID))
	}
	w.checked.Transactions = 1
	group, _, _, err := groups.Of(header.Epoch)
	if err != nil {
		return nil, err
	}
	t := &verifiedTx{
		ID: id, Code: result.Code, Position: result.Position.String(), Height: header.Height, Epoch: header.Epoch, LogTime: header.LogTime,
		Signers: ledger.CountSigners(proof.Header, group, proof.Signatures, identity.Verify), Nodes: len(group.Nodes),
	}
	return t, w.content(ctx, t)
}

// reach follows the groups to the epoch of the proof.
func (w *txWalk) reach(ctx context.Context, groups *ledger.Groups, proof *ledger.ResultProof) error {
	epoch, err := proof.Epoch()
	if err != nil {
		return err
	}
	return groups.Reach(epoch, w.check, func(from uint64) ([]byte, error) {
		g, err := w.client.Groups(ctx, from)
		return g.Trail, err
	})
}

// content adds what the transaction says: bytes with this id say it.
func (w *txWalk) content(ctx context.Context, t *verifiedTx) error {
	shown, err := w.client.Transaction(ctx, t.ID)
	if err != nil || shown.Content == nil {
		return answered(err)
	}
	tx, e, err := ledger.ParseTransaction(shown.Content.Encoded)
	if err != nil {
		if ledger.Hash(shown.Content.Encoded) == t.ID {
			return nil // malformed bytes, and proven to be
		}
		return &verify.Finding{Kind: "transaction", Where: "content", Message: err.Error()}
	}
	if e.ID(ledger.KindTransaction) != t.ID {
		return &verify.Finding{Kind: "transaction", Where: "content", Message: "what the server says was signed has another id"}
	}
	t.Call, t.Delegated = tx.Contract+"."+tx.Method, shown.Content.Delegated
	if t.Code == ledger.CodeOK {
		t.Sender = &tx.Sender
	} else {
		t.Claimed = &tx.Sender
	}
	return nil
}
