// Command kernels writes the vector code of aggregator/kernel for amd64. Run it
// with make generate.
package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive,staticcheck // a program in avo reads as assembly
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("amd64")
	add()
	Generate()
}

// add folds a tile of float32 into accumulators: for each coordinate acc + x·weight,
// product and sum rounded apart, as the Go twin has it. VFMADD would give the same
// where the product is exact, which is not for this code to know.
func add() {
	const lanes, unrolled = 4, 4 // float64 in a register; registers a turn
	TEXT("addAVX", NOSPLIT, "func(acc *float64, src *float32, weight float64, n int)")
	Pragma("noescape")
	Doc("addAVX folds n numbers into n accumulators. n is a multiple of 16.")
	acc, src, n := Load(Param("acc"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	address, weight := NewParamAddr("weight", 16), YMM()
	VBROADCASTSD(address, weight)
	at := GP64()
	XORQ(at, at)
	Label("turn")
	CMPQ(at, n)
	JGE(LabelRef("done"))
	for u := range unrolled {
		sum, x := YMM(), YMM()
		VCVTPS2PD(Mem{Base: src, Index: at, Scale: 4, Disp: 4 * lanes * u}, x)
		VMULPD(weight, x, x)
		VMOVUPD(Mem{Base: acc, Index: at, Scale: 8, Disp: 8 * lanes * u}, sum)
		VADDPD(x, sum, sum)
		VMOVUPD(sum, Mem{Base: acc, Index: at, Scale: 8, Disp: 8 * lanes * u})
	}
	ADDQ(Imm(lanes*unrolled), at)
	JMP(LabelRef("turn"))
	Label("done")
	VZEROUPPER()
	RET()
}
