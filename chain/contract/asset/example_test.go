package asset_test

import (
	"fmt"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/ledger"
)

// The creator of an asset holds all of its roles.
func Example() {
	creator := ledger.ID{1}
	id := asset.ID(creator, []byte("shares of a mill"))
	control := asset.Control("token")
	rows := aplostest.Rows{}
	env := contract.NewEnv(rows, contract.Footprint{Writes: control.CreatorRows(id, creator)}, 0)
	if err := control.Create(env, id, creator); err != nil {
		fmt.Println(err)
		return
	}
	rows.Apply(env.Writes())
	held, err := control.Holds(rows, id, creator)
	fmt.Println(held, err)
	// Output: [admin burner minter pauser] <nil>
}
