package checked_test

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"io"

	"github.com/librum/librum/chain/blob/internal/checked"
)

type source struct{ io.ReaderAt }

func (source) Close() error { return nil }

func ExampleReader() {
	content, seed := []byte("a model"), maphash.MakeSeed()
	s := checked.NewSummer(seed)
	_, _ = s.Write(content)
	digest, sums := s.Finish()
	r := checked.NewReader(digest, source{bytes.NewReader(content)}, sums, seed, checked.NewCache(1<<10))
	part := make([]byte, 5)
	_, err := r.ReadAt(part, 2)
	fmt.Printf("%s %v\n", part, err)
	content[3] = 'X'
	_, err = r.ReadAt(part, 2)
	fmt.Println(err != nil)
	// Output:
	// model <nil>
	// true
}
