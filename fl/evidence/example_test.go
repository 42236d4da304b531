package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/librum/librum/fl/evidence"
)

func ExampleOpen() {
	file := strings.NewReader("somebody's word, and nothing to show for it; that is not enough")
	_, err := evidence.Open(context.Background(), file, file.Size())
	fmt.Println(errors.Is(err, evidence.ErrFormat))
	// Output: true
}
