package netlimit_test

import (
	"fmt"
	"net"

	"github.com/librum/librum/internal/netlimit"
)

// A door with 8,192 places, of which one address has 2,048 at most.
func Example() {
	places := netlimit.New(netlimit.Bounds{Total: 8_192, PerAddress: 2_048})
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local and immediate
	if err != nil {
		fmt.Println(err)
		return
	}
	listener = places.Listen(listener, nil)
	// … Accept, as of any listener
	fmt.Println(places.Count().Open, listener.Close())
	// Output: 0 <nil>
}
