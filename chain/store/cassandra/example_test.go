package cassandra_test

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store/cassandra"
)

func ExampleOpen() {
	ctx := context.Background()
	s, err := cassandra.Open(ctx, cassandra.Options{
		Hosts:       []string{"cassandra-1.example", "cassandra-2.example", "cassandra-3.example"},
		Keyspace:    "librum_main_node_1",
		Replication: "{'class': 'NetworkTopologyStrategy', 'dc1': 3}",
		Chain:       ledger.Digest{0x1f}, Node: ledger.ID{0x2a},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	applied, ok, err := s.Applied(ctx)
	fmt.Println(applied.Height, ok, err, s.Close())
}
