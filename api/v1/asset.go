package v1

import "github.com/librum/librum/chain/ledger"

// Tokens is a page of fungible tokens.
type Tokens struct {
	Tokens     []Token `json:"tokens" nullable:"false"`
	NextCursor string  `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Token is a fungible token.
type Token struct {
	ID       ledger.Digest  `json:"id" doc:"SHA-256 of creator and key; zeros for the native token."`
	Name     string         `json:"name"`
	Symbol   string         `json:"symbol" example:"LCNC" doc:"Not unique but for the native token's: the id is what counts."`
	Decimals uint8          `json:"decimals" example:"18" doc:"Digits of an amount behind the point, for people."`
	Supply   ledger.Amount  `json:"supply" doc:"In the smallest unit, decimal, as all amounts."`
	Cap      *ledger.Amount `json:"cap,omitempty" doc:"The most there may ever be; missing where nothing bounds it."`
	Native   bool           `json:"native"`
	Creator  *ledger.ID     `json:"creator,omitempty" doc:"Missing for the native token."`
	Created  int64          `json:"created,omitempty" doc:"Log time, ms."`
	Paused   bool           `json:"paused"`
}

// Balances is a page of a token's register of holders.
type Balances struct {
	Balances   []Balance `json:"balances" nullable:"false" doc:"By account."`
	NextCursor string    `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Balance is what an account holds of a token.
type Balance struct {
	Account ledger.ID     `json:"account"`
	Balance ledger.Amount `json:"balance"`
}

// Holding is what an account holds of a token, and the roles that it has there.
type Holding struct {
	Account ledger.ID     `json:"account"`
	Balance ledger.Amount `json:"balance"`
	Roles   []string      `json:"roles" nullable:"false" doc:"Of admin, burner, minter, pauser."`
}

// Allowance is what a spender may move of an owner's.
type Allowance struct {
	Owner   ledger.ID     `json:"owner"`
	Spender ledger.ID     `json:"spender"`
	Amount  ledger.Amount `json:"amount" doc:"2^256-1 is never used up."`
}

// Collections is a page of collections of unique tokens.
type Collections struct {
	Collections []Collection `json:"collections" nullable:"false"`
	NextCursor  string       `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Collection is a collection of unique tokens.
type Collection struct {
	ID      ledger.Digest `json:"id" doc:"SHA-256 of creator and key."`
	Name    string        `json:"name"`
	Symbol  string        `json:"symbol"`
	Creator ledger.ID     `json:"creator"`
	Created int64         `json:"created" doc:"Log time, ms."`
	Paused  bool          `json:"paused"`
	Supply  *uint64       `json:"supply,omitempty" doc:"How many tokens there are; missing in lists."`
}

// NFTs is a page of unique tokens.
type NFTs struct {
	NFTs       []NFT  `json:"nfts" nullable:"false" doc:"By id."`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// NFT is a unique token.
type NFT struct {
	Collection ledger.Digest `json:"collection"`
	TokenID    ledger.Amount `json:"token_id" doc:"Decimal, below 2^256."`
	Owner      ledger.ID     `json:"owner"`
	Approved   *ledger.ID    `json:"approved,omitempty" doc:"Who else may move it; missing for nobody."`
	Minter     ledger.ID     `json:"minter"`
	Minted     int64         `json:"minted" doc:"Log time, ms."`
	Object     NFTObject     `json:"object"`
}

// NFTObject says what a token stands for, and where that is.
type NFTObject struct {
	Digest    ledger.Digest `json:"digest" doc:"SHA-256 of its bytes; check it."`
	MediaType string        `json:"media_type" example:"image/png"`
	URI       string        `json:"uri,omitempty" doc:"Missing where it is a blob of the nodes."`
}

// NFTHolding is how many tokens of a collection an account has, and its roles.
type NFTHolding struct {
	Account ledger.ID `json:"account"`
	Balance uint64    `json:"balance"`
	Roles   []string  `json:"roles" nullable:"false" doc:"Of admin, burner, minter, pauser."`
}

// Operator says whether an account may move all tokens of an owner's.
type Operator struct {
	Owner    ledger.ID `json:"owner"`
	Operator ledger.ID `json:"operator"`
	Approved bool      `json:"approved"`
}
