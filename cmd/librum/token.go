package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// nativeToken stands for the native token's id on the command line.
const nativeToken = "native"

func newTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Fungible tokens: create, move, approve, mint, burn (ERC-20)",
		Long: "Fungible tokens, with the functions of ERC-20. TOKEN is the id of one, or native. Amounts are in the smallest unit. " +
			"Bearer tokens, which are something else, are made by librum identity token.",
		Example: "  librum token list\n" +
			"  librum token create mill-2026 --name \"A mill\" --symbol MILL --supply 1000000 --genesis 3f0c… --identity member-key\n" +
			"  librum token transfer 5c0d… 9a41… 250 --genesis 3f0c… --identity member-key",
		RunE: chooseSubcommand,
	}
	a := newAssetCommands(cmd, token.Name)
	cmd.AddCommand(a.tokenList(), a.tokenShow(), a.tokenBalance(), a.tokenAllowance(), a.tokenHolders(), a.tokenCreate())
	cmd.AddCommand(a.tokenMoves()...)
	cmd.AddCommand(a.roles()...)
	return cmd
}

// parseToken reads a token: nil for the native one.
func parseToken(text string) (*ledger.Digest, error) {
	if text == nativeToken {
		return nil, nil //nolint:nilnil // as arguments of calls have it
	}
	id, err := ledger.ParseDigest(text)
	return &id, err
}

func tokenID(text string) (ledger.Digest, error) {
	id, err := parseToken(text)
	if err != nil {
		return ledger.Digest{}, wrongUse(err)
	}
	if id == nil {
		return ledger.Digest{}, nil
	}
	return *id, nil
}

func (a *assetCommands) tokenList() *cobra.Command {
	return a.listing("list", "List tokens", "list --json", 0, func(ctx context.Context, c *client.Client, _ []string) (any, func(table), error) {
		page, err := c.FungibleTokens(ctx, a.page)
		if err != nil {
			return nil, nil, answered(err)
		}
		return page, func(t table) {
			t.row("ID", "SYMBOL", "SUPPLY", "NAME")
			for _, one := range page.Tokens {
				id := one.ID.String()
				if one.Native {
					id = nativeToken
				}
				t.row(id, one.Symbol, inTokens(one.Supply.String(), int(one.Decimals)), one.Name)
			}
			nextPage(t, page.NextCursor)
		}, nil
	})
}

func (a *assetCommands) tokenShow() *cobra.Command {
	return a.asking("show TOKEN", "Show a token and its supply", "show native", 1, func(ctx context.Context, c *client.Client, args []string) (any, func(table), error) {
		id, err := tokenID(args[0])
		if err != nil {
			return nil, nil, err
		}
		one, err := c.FungibleToken(ctx, id)
		if err != nil {
			return nil, nil, answered(err)
		}
		return one, func(t table) {
			t.row("token", args[0])
			t.row("name", one.Name)
			t.row("symbol", one.Symbol)
			t.row("supply", inTokens(one.Supply.String(), int(one.Decimals)))
			if one.Cap != nil {
				t.row("cap", inTokens(one.Cap.String(), int(one.Decimals)))
			}
			if one.Creator != nil {
				t.row("creator", *one.Creator)
				t.row("created", logTime(one.Created))
			}
			t.row("paused", one.Paused)
		}, nil
	})
}

func (a *assetCommands) tokenBalance() *cobra.Command {
	return a.asking("balance TOKEN ACCOUNT", "Show what an account holds, and its roles", "balance 5c0d… 9a41…", 2, func(ctx context.Context, c *client.Client, args []string) (any, func(table), error) {
		id, err := tokenID(args[0])
		if err != nil {
			return nil, nil, err
		}
		account, err := ledger.ParseID(args[1])
		if err != nil {
			return nil, nil, wrongUse(err)
		}
		one, err := c.Balance(ctx, id, account)
		if err != nil {
			return nil, nil, answered(err)
		}
		return one, func(t table) {
			t.row("account", one.Account)
			t.row("balance", one.Balance)
			for _, role := range one.Roles {
				t.row("role", role)
			}
		}, nil
	})
}

func (a *assetCommands) tokenAllowance() *cobra.Command {
	return a.asking("allowance TOKEN OWNER SPENDER", "Show what a spender may move of an owner's", "allowance 5c0d… 9a41… 7c1e…", 3, func(ctx context.Context, c *client.Client, args []string) (any, func(table), error) {
		id, err := tokenID(args[0])
		if err != nil {
			return nil, nil, err
		}
		owner, err := ledger.ParseID(args[1])
		if err != nil {
			return nil, nil, wrongUse(err)
		}
		spender, err := ledger.ParseID(args[2])
		if err != nil {
			return nil, nil, wrongUse(err)
		}
		one, err := c.Allowance(ctx, id, owner, spender)
		if err != nil {
			return nil, nil, answered(err)
		}
		return one, func(t table) { t.row("allowance", one.Amount) }, nil
	})
}

func (a *assetCommands) tokenHolders() *cobra.Command {
	return a.listing("holders TOKEN", "List who holds how much, for its admins and auditors", "holders 5c0d…", 1, func(ctx context.Context, c *client.Client, args []string) (any, func(table), error) {
		id, err := tokenID(args[0])
		if err != nil {
			return nil, nil, err
		}
		page, err := c.Balances(ctx, id, a.page)
		if err != nil {
			return nil, nil, answered(err)
		}
		return page, func(t table) {
			for _, b := range page.Balances {
				t.row(b.Account, b.Balance)
			}
			nextPage(t, page.NextCursor)
		}, nil
	})
}

func (a *assetCommands) tokenCreate() *cobra.Command {
	var of token.Create
	var supply, limit string
	cmd := a.acting("create KEY", "Create a token; the same member and key make the same one", "create mill-2026 --name \"A mill\" --symbol MILL --supply 1000000", 1, func(by *actor, args []string) (c call, err error) {
		of.Key = []byte(args[0])
		if of.Supply, err = ledger.ParseAmount(supply); err != nil {
			return c, err
		}
		if of.Cap, err = ledger.ParseAmount(limit); err != nil {
			return c, err
		}
		id := asset.ID(by.caller.Sender, of.Key)
		return call{token.MethodCreate, &of, "created token " + id.String()}, asset.CheckNames(of.Name, of.Symbol)
	})
	flags := cmd.Flags()
	flags.StringVar(&of.Name, "name", "", "name for people")
	flags.StringVar(&of.Symbol, "symbol", "", "short name, up to 16 characters")
	flags.Uint8Var(&of.Decimals, "decimals", 0, "digits of an amount behind the point, for people")
	flags.StringVar(&supply, "supply", "0", "amount that the creator holds at first")
	flags.StringVar(&limit, "cap", "0", "the most there may ever be, 0 for no bound")
	return cmd
}

// tokenMoves makes the commands that change balances and allowances.
func (a *assetCommands) tokenMoves() []*cobra.Command {
	approval := func(verb, method, short string) *cobra.Command {
		return a.acting(verb+" TOKEN SPENDER AMOUNT", short, verb+" 5c0d… 9a41… 250", 3, func(_ *actor, args []string) (call, error) {
			id, spender, amount, err := parseMove(args[0], args[1], args[2])
			return call{method, &token.Approve{Token: id, Spender: spender, Amount: amount}, verb + " " + args[2]}, err
		})
	}
	return []*cobra.Command{
		a.acting("transfer TOKEN TO AMOUNT", "Move an amount to an account", "transfer 5c0d… 9a41… 250", 3, func(_ *actor, args []string) (call, error) {
			id, to, amount, err := parseMove(args[0], args[1], args[2])
			return call{token.MethodTransfer, &token.Transfer{Token: id, To: to, Amount: amount}, "transferred " + args[2]}, err
		}),
		a.acting("transfer-from TOKEN FROM TO AMOUNT", "Move an amount that one was allowed to", "transfer-from 5c0d… 9a41… 7c1e… 250", 4, func(_ *actor, args []string) (call, error) {
			id, to, amount, err := parseMove(args[0], args[2], args[3])
			if err != nil {
				return call{}, err
			}
			from, err := ledger.ParseID(args[1])
			return call{token.MethodTransferFrom, &token.TransferFrom{Token: id, From: from, To: to, Amount: amount}, "transferred " + args[3]}, err
		}),
		approval("approve", token.MethodApprove, "Set what a spender may move"),
		approval("increase-allowance", token.MethodIncreaseAllowance, "Add to what a spender may move"),
		approval("decrease-allowance", token.MethodDecreaseAllowance, "Take from what a spender may move"),
		a.acting("mint TOKEN TO AMOUNT", "Make an amount for an account, as a minter", "mint 5c0d… 9a41… 250", 3, func(_ *actor, args []string) (call, error) {
			id, to, amount, err := parseMove(args[0], args[1], args[2])
			if err != nil || id == nil {
				return call{}, wantCreated(err)
			}
			return call{token.MethodMint, &token.Mint{Token: *id, To: to, Amount: amount}, "minted " + args[2]}, nil
		}),
		a.acting("burn TOKEN AMOUNT", "End an amount that one holds, as a burner", "burn 5c0d… 250", 2, func(_ *actor, args []string) (call, error) {
			id, err := parseToken(args[0])
			if err != nil || id == nil {
				return call{}, wantCreated(err)
			}
			amount, err := ledger.ParseAmount(args[1])
			return call{token.MethodBurn, &token.Burn{Token: *id, Amount: amount}, "burnt " + args[1]}, err
		}),
		a.acting("burn-from TOKEN FROM AMOUNT", "End an amount that one was allowed to, as a burner", "burn-from 5c0d… 9a41… 250", 3, func(_ *actor, args []string) (call, error) {
			id, from, amount, err := parseMove(args[0], args[1], args[2])
			if err != nil || id == nil {
				return call{}, wantCreated(err)
			}
			return call{token.MethodBurnFrom, &token.BurnFrom{Token: *id, From: from, Amount: amount}, "burnt " + args[2]}, nil
		}),
	}
}

var errNativeSupply = errors.New("the native token's supply is fixed by the genesis; name a created token")

// wantCreated is the error where a created token is wanted.
func wantCreated(err error) error {
	if err == nil {
		err = errNativeSupply
	}
	return err
}

func parseMove(tokenText, accountText, amountText string) (id *ledger.Digest, account ledger.ID, amount ledger.Amount, err error) {
	if id, err = parseToken(tokenText); err != nil {
		return id, account, amount, err
	}
	if account, err = ledger.ParseID(accountText); err != nil {
		return id, account, amount, err
	}
	amount, err = ledger.ParseAmount(amountText)
	return id, account, amount, err
}
