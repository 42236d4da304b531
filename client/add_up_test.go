package client_test

import (
	"reflect"
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

func TestAddUp(t *testing.T) {
	t.Parallel()
	a := v1.JobPeers{FirstRound: 1, LastRound: 2, NextCursor: "2", Peers: []v1.JobPeer{
		{Peer: ledger.ID{2}, Selected: 2, Committed: 1, Refused: map[string]uint64{"nan": 1}, Bytes: 5, NumExamples: 7},
	}}
	b := v1.JobPeers{FirstRound: 3, LastRound: 3, Peers: []v1.JobPeer{
		{Peer: ledger.ID{1}, Selected: 1, Late: 1},
		{Peer: ledger.ID{2}, Selected: 1, Refused: map[string]uint64{"nan": 1, "shape": 1}, Declined: map[string]uint64{"data": 1}, Void: 1, Dropped: 1, Pending: 1, Bytes: 6},
	}}
	want := v1.JobPeers{FirstRound: 1, LastRound: 3, Peers: []v1.JobPeer{
		{Peer: ledger.ID{1}, Selected: 1, Late: 1},
		{
			Peer: ledger.ID{2}, Selected: 3, Committed: 1, Refused: map[string]uint64{"nan": 2, "shape": 1}, Declined: map[string]uint64{"data": 1},
			Void: 1, Dropped: 1, Pending: 1, Bytes: 11, NumExamples: 7,
		},
	}}
	empty := v1.JobPeers{Peers: []v1.JobPeer{}}
	for range 2 { // and neither is changed
		if got := client.AddUp(client.AddUp(empty, a), b); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if got := client.AddUp(want, empty); !reflect.DeepEqual(got, want) {
		t.Errorf("with an empty page %+v", got)
	}
}
