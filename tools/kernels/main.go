// Command kernels writes the vector code of aggregator/kernel for amd64. Run it
// with make generate.
package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive,staticcheck // a program in avo reads as assembly
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg" //nolint:revive,staticcheck // as above
)

func main() {
	ConstraintExpr("amd64")
	add()
	addScaled()
	mean()
	pairSquares()
	Generate()
}

const (
	lanes    = 4 // float64 in a register
	unrolled = 4 // registers a turn
)

// turns goes over n numbers, a multiple of a turn's, register by register, and returns
// from the function. at is the number that a turn begins with, u its register.
func turns(n Register, register func(at Register, u int)) {
	at := GP64()
	XORQ(at, at)
	Label("turn")
	CMPQ(at, n)
	JGE(LabelRef("done"))
	for u := range unrolled {
		register(at, u)
	}
	ADDQ(Imm(lanes*unrolled), at)
	JMP(LabelRef("turn"))
	Label("done")
	VZEROUPPER()
	RET()
}

// add folds a tile of float32 into accumulators: for each coordinate acc + x·weight,
// product and sum rounded apart, as the Go twin has it. VFMADD would give the same
// where the product is exact, which is not for this code to know.
func add() {
	TEXT("addAVX", NOSPLIT, "func(acc *float64, src *float32, weight float64, n int)")
	Pragma("noescape")
	Doc("addAVX folds n numbers into n accumulators. n is a multiple of 16.")
	acc, src, n := Load(Param("acc"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	address, weight := NewParamAddr("weight", 16), YMM()
	VBROADCASTSD(address, weight)
	turns(n, func(at Register, u int) {
		sum, x := YMM(), YMM()
		VCVTPS2PD(Mem{Base: src, Index: at, Scale: 4, Disp: 4 * lanes * u}, x)
		VMULPD(weight, x, x)
		VMOVUPD(Mem{Base: acc, Index: at, Scale: 8, Disp: 8 * lanes * u}, sum)
		VADDPD(x, sum, sum)
		VMOVUPD(sum, Mem{Base: acc, Index: at, Scale: 8, Disp: 8 * lanes * u})
	})
}

// addScaled adds weight·row to accumulators, product and sum rounded apart.
func addScaled() {
	TEXT("addScaledAVX", NOSPLIT, "func(acc, row *float64, weight float64, n int)")
	Pragma("noescape")
	Doc("addScaledAVX adds n weighted numbers to n accumulators. n is a multiple of 16.")
	acc, row, n := Load(Param("acc"), GP64()), Load(Param("row"), GP64()), Load(Param("n"), GP64())
	address, weight := NewParamAddr("weight", 16), YMM()
	VBROADCASTSD(address, weight)
	turns(n, func(at Register, u int) {
		sum, x := YMM(), YMM()
		VMOVUPD(Mem{Base: row, Index: at, Scale: 8, Disp: 8 * lanes * u}, x)
		VMULPD(weight, x, x)
		VMOVUPD(Mem{Base: acc, Index: at, Scale: 8, Disp: 8 * lanes * u}, sum)
		VADDPD(x, sum, sum)
		VMOVUPD(sum, Mem{Base: acc, Index: at, Scale: 8, Disp: 8 * lanes * u})
	})
}

// mean divides accumulators by the total and rounds to float32, to nearest even as
// the Go twin does.
func mean() {
	TEXT("meanAVX", NOSPLIT, "func(dst *float32, acc *float64, total float64, n int)")
	Pragma("noescape")
	Doc("meanAVX divides n accumulators and rounds them. n is a multiple of 16.")
	dst, acc, n := Load(Param("dst"), GP64()), Load(Param("acc"), GP64()), Load(Param("n"), GP64())
	address, total := NewParamAddr("total", 16), YMM()
	VBROADCASTSD(address, total)
	turns(n, func(at Register, u int) {
		x, narrow := YMM(), XMM()
		VMOVUPD(Mem{Base: acc, Index: at, Scale: 8, Disp: 8 * lanes * u}, x)
		VDIVPD(total, x, x)
		VCVTPD2PSY(x, narrow)
		VMOVUPS(narrow, Mem{Base: dst, Index: at, Scale: 4, Disp: 4 * lanes * u})
	})
}

// pairSquares adds the squared distances of eight rows from one to eight sums. Each sum
// must grow in index order, so the lanes of a register are four sums, not four
// coordinates: squares of four coordinates are turned round before they are added.
func pairSquares() {
	const groups = 2  // of sums
	const header = 24 // bytes of a slice
	TEXT("eightSquaresAVX", NOSPLIT, "func(sums, row *float64, others *[8][]float64, n int)")
	Pragma("noescape")
	Doc("eightSquaresAVX adds to eight sums the squared distances of as many rows from one, over n coordinates. n is a multiple of 4.")
	sums, row, n := Load(Param("sums"), GP64()), Load(Param("row"), GP64()), Load(Param("n"), GP64())
	list := Load(Param("others"), GP64())
	var others [lanes * groups]Register
	for i := range others {
		others[i] = GP64()
		MOVQ(Mem{Base: list, Disp: header * i}, others[i])
	}
	var totals [groups]VecVirtual
	for g := range totals {
		totals[g] = YMM()
		VMOVUPD(Mem{Base: sums, Disp: 8 * lanes * g}, totals[g])
	}
	at := GP64()
	XORQ(at, at)
	Label("turn")
	CMPQ(at, n)
	JGE(LabelRef("done"))
	x := YMM()
	VMOVUPD(Mem{Base: row, Index: at, Scale: 8}, x)
	for g := range totals {
		var d [lanes]VecVirtual
		for i := range d {
			d[i] = YMM()
			VMOVUPD(Mem{Base: others[lanes*g+i], Index: at, Scale: 8}, d[i])
			VSUBPD(x, d[i], d[i])
			VMULPD(d[i], d[i], d[i])
		}
		evenLow, oddLow, evenHigh, oddHigh := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPD(d[1], d[0], evenLow)  // coordinates 0 and 2 of rows 0 and 1
		VUNPCKHPD(d[1], d[0], oddLow)   // 1 and 3
		VUNPCKLPD(d[3], d[2], evenHigh) // of rows 2 and 3
		VUNPCKHPD(d[3], d[2], oddHigh)
		for _, step := range []struct {
			control   uint8
			low, high VecVirtual
		}{{0x20, evenLow, evenHigh}, {0x20, oddLow, oddHigh}, {0x31, evenLow, evenHigh}, {0x31, oddLow, oddHigh}} {
			turned := YMM()
			VPERM2F128(Imm(uint64(step.control)), step.high, step.low, turned)
			VADDPD(turned, totals[g], totals[g])
		}
	}
	ADDQ(Imm(lanes), at)
	JMP(LabelRef("turn"))
	Label("done")
	for g := range totals {
		VMOVUPD(totals[g], Mem{Base: sums, Disp: 8 * lanes * g})
	}
	VZEROUPPER()
	RET()
}
