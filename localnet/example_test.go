package localnet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// A network of four nodes in one process takes a transfer.
func Example() {
	if err := transferOnce(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ok
	// 1000000000000000000005
}

func transferOnce() (err error) {
	path, err := os.MkdirTemp("", "librum-example-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(path)) }()
	dir, secrets := localnet.Dir(path), localnet.SecretsFromSeed(1)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 4, Accounts: 2, Time: time.Now()}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	network, err := localnet.Open(ctx, dir, localnet.Options{})
	if err != nil {
		cancel()
		return err
	}
	done := make(chan error, 1)
	go func() { done <- network.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-done, network.Close())
	}()

	args, err := ledger.Encode(&token.Transfer{To: secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(5)})
	if err != nil {
		return err
	}
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: network.Chain, Sender: secrets.ID(localnet.KindAccount, 0),
		Contract: token.Name, Method: "transfer", Args: args, Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	key := secrets.Key(localnet.KindAccount, 0)
	signed, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		return err
	}
	outcomes, err := network.Nodes[0].SubmitFinal(ctx, [][]byte{signed.Bytes()})
	if err != nil {
		return err
	}
	fmt.Println(outcomes[0].Code)
	balance, err := token.Balance(network.Nodes[0].State(ctx), secrets.ID(localnet.KindAccount, 1))
	fmt.Println(balance)
	return err
}
