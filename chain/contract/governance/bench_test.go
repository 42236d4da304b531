package governance_test

import (
	"testing"

	"github.com/librum/librum/chain/contract/governance"
)

// BenchmarkStands is what every transaction pays for the question.
func BenchmarkStands(b *testing.B) {
	a := newAssembly(b, 4)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := governance.Stands(a.rows, organisation(2)); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
