package process_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/fullnode/process"
)

// What does not fit is refused before anything is opened.
func Example() {
	c := config.Default()
	c.Chain = "none"
	_, err := process.Open(context.Background(), c, process.Options{Logger: slog.Default()})
	fmt.Println(errors.Is(err, process.ErrConfig))
	// Output: true
}
