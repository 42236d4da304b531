package token

import (
	"strings"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Create is the arguments of the method create. The same creator and key make the
// same token, of id [asset.ID], so that a repeated request makes no second one.
type Create struct {
	Key      []byte        `cbor:"key"` // 1 to [asset.MaxKeyBytes] bytes
	Name     string        `cbor:"name"`
	Symbol   string        `cbor:"symbol"`
	Decimals uint8         `cbor:"decimals"` // how many digits of an amount people read behind the point, at most [MaxDecimals]
	Supply   ledger.Amount `cbor:"supply"`   // the creator's at first
	Cap      ledger.Amount `cbor:"cap"`      // the most there may ever be, 0 for no bound
}

// MaxDecimals is the most digits behind the point: 2^256 has 78.
const MaxDecimals = 77

// Mint is the arguments of the method mint.
type Mint struct {
	Token  ledger.Digest `cbor:"token"`
	To     ledger.ID     `cbor:"to"`
	Amount ledger.Amount `cbor:"amount"`
}

// Burn is the arguments of the method burn.
type Burn struct {
	Token  ledger.Digest `cbor:"token"`
	Amount ledger.Amount `cbor:"amount"`
}

// BurnFrom is the arguments of the method burnFrom.
type BurnFrom struct {
	Token  ledger.Digest `cbor:"token"`
	From   ledger.ID     `cbor:"from"`
	Amount ledger.Amount `cbor:"amount"`
}

// load reads a created token that must exist.
func load(env *contract.Env, id ledger.Digest) (*Created, error) {
	t, ok, err := contract.Load[Created](env, CreatedRow(id))
	if err == nil && !ok {
		err = contract.Errorf(contract.CodeNotFound, "no token %s", id)
	}
	return t, err
}

func createFootprint(call contract.Call, a *Create) (f contract.Footprint, err error) {
	if err := asset.CheckKey(a.Key); err != nil {
		return f, err
	}
	if err := asset.CheckNames(a.Name, a.Symbol); err != nil {
		return f, err
	}
	if a.Decimals > MaxDecimals {
		return f, contract.Errorf(contract.CodeBadArguments, "decimals: %d, at most %d", a.Decimals, MaxDecimals)
	}
	if !a.Cap.IsZero() && a.Supply.Cmp(a.Cap) > 0 {
		return f, contract.Errorf(contract.CodeBadArguments, "supply: %s is more than the cap of %s", a.Supply, a.Cap)
	}
	id := asset.ID(call.Sender, a.Key)
	f.Reads = []contract.Key{members.MemberRow(call.Sender), InfoRow}
	f.Writes = append(control.CreatorRows(id, call.Sender), CreatedRow(id), SupplyRow(id), HoldingRow(id, call.Sender))
	return f, nil
}

func create(env *contract.Env, call contract.Call, a *Create) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	if _, err := members.Require(env, call.Sender, identity.RoleMember); err != nil {
		return err
	}
	native, ok, err := contract.Load[Info](env, InfoRow)
	if err != nil {
		return err
	}
	if ok && strings.EqualFold(native.Symbol, a.Symbol) {
		return contract.Errorf(contract.CodeExists, "symbol %s is the native token's", a.Symbol)
	}
	id := asset.ID(call.Sender, a.Key)
	if _, exists, err := env.Get(CreatedRow(id)); err != nil || exists {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "token %s exists", id)
		}
		return err
	}
	row := Created{Creator: call.Sender, Created: env.LogTime(), Name: a.Name, Symbol: a.Symbol, Decimals: a.Decimals, Cap: a.Cap}
	if err := contract.Store(env, CreatedRow(id), &row); err != nil {
		return err
	}
	if err := env.Emit(EventCreated, &Creation{Token: id, Creator: call.Sender, Name: a.Name, Symbol: a.Symbol, Decimals: a.Decimals}); err != nil {
		return err
	}
	if err := control.Create(env, id, call.Sender); err != nil {
		return err
	}
	return issue(env, &row, id, call.Sender, a.Supply)
}

// issue makes an amount for an account.
func issue(env *contract.Env, row *Created, id ledger.Digest, to ledger.ID, amount ledger.Amount) error {
	supply, err := TotalSupply(env, id)
	if err != nil {
		return err
	}
	sum, ok := supply.Plus(amount)
	if !ok || !row.Cap.IsZero() && sum.Cmp(row.Cap) > 0 {
		return contract.Errorf(contract.CodeConflict, "token %s has %s, %s more would pass its cap or 2^256", id, supply, amount)
	}
	if err := put(env, SupplyRow(id), sum); err != nil {
		return err
	}
	return credit(env, &id, ledger.ID{}, to, amount)
}

func mintFootprint(call contract.Call, a *Mint) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  append(readsOf(a.Token, a.To), control.RoleRow(a.Token, asset.Minter, call.Sender)),
		Writes: []contract.Key{SupplyRow(a.Token), HoldingRow(a.Token, a.To)},
	}, checkIssue(a.Token, a.To)
}

// checkIssue refuses the native token, whose supply stands in the genesis.
func checkIssue(token ledger.Digest, account ledger.ID) error {
	if token.IsZero() {
		return contract.Errorf(contract.CodeBadArguments, "token: the native one, whose supply is fixed")
	}
	return checkAccount("account", account)
}

func mint(env *contract.Env, call contract.Call, a *Mint) error {
	if err := mayIssue(env, call, a.Token, asset.Minter); err != nil {
		return err
	}
	if err := mayMove(env, a.Token, a.To); err != nil {
		return err
	}
	row, err := load(env, a.Token)
	if err != nil {
		return err
	}
	return issue(env, row, a.Token, a.To, a.Amount)
}

func mayIssue(env *contract.Env, call contract.Call, id ledger.Digest, role string) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	if _, err := load(env, id); err != nil {
		return err
	}
	return control.Require(env, id, role, call.Sender)
}

func burnFootprint(call contract.Call, a *Burn) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  append(readsOf(a.Token), control.RoleRow(a.Token, asset.Burner, call.Sender)),
		Writes: []contract.Key{SupplyRow(a.Token), HoldingRow(a.Token, call.Sender)},
	}, checkIssue(a.Token, call.Sender)
}

func burn(env *contract.Env, call contract.Call, a *Burn) error {
	if err := mayIssue(env, call, a.Token, asset.Burner); err != nil {
		return err
	}
	if err := mayMove(env, a.Token); err != nil {
		return err
	}
	return end(env, a.Token, call.Sender, a.Amount)
}

func burnFromFootprint(call contract.Call, a *BurnFrom) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  append(readsOf(a.Token, a.From), control.RoleRow(a.Token, asset.Burner, call.Sender)),
		Writes: []contract.Key{SupplyRow(a.Token), HoldingRow(a.Token, a.From), AllowanceRow(a.Token, a.From, call.Sender)},
	}, checkIssue(a.Token, a.From)
}

func burnFrom(env *contract.Env, call contract.Call, a *BurnFrom) error {
	if err := mayIssue(env, call, a.Token, asset.Burner); err != nil {
		return err
	}
	if err := mayMove(env, a.Token, a.From); err != nil {
		return err
	}
	if err := spendAllowance(env, a.Token, a.From, call.Sender, a.Amount); err != nil {
		return err
	}
	return end(env, a.Token, a.From, a.Amount)
}

// end takes an amount out of the world.
func end(env *contract.Env, id ledger.Digest, from ledger.ID, amount ledger.Amount) error {
	if err := debit(env, id, from, amount); err != nil {
		return err
	}
	supply, err := TotalSupply(env, id)
	if err != nil {
		return err
	}
	rest, ok := supply.Minus(amount)
	if !ok {
		return contract.Errorf(contract.CodeConflict, "token %s has %s, less than %s", id, supply, amount) // invariant 1 excludes it
	}
	if err := put(env, SupplyRow(id), rest); err != nil {
		return err
	}
	return env.Emit(EventTransfer, &Transferred{Token: &id, From: from, Amount: amount})
}
