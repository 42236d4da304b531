package chart_test

import (
	"bytes"
	"fmt"

	"github.com/librum/librum/internal/chart"
)

func ExampleLines() {
	picture := chart.Lines("two peers", "round", "accuracy", []chart.Series{
		{Name: "a", First: 1, Values: []float64{0.5, 0.75}},
		{Name: "b", First: 1, Values: []float64{0.25, 0.5}},
	})
	fmt.Println(bytes.Count(picture, []byte("<polyline")), "lines")
	// Output: 2 lines
}
