package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/registry"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"a", "nodes/2a", "shards/0/topic", strings.Repeat("a", 200)} {
		if err := registry.Check(key, make([]byte, registry.MaxValueBytes)); err != nil {
			t.Error(err)
		}
	}
	for _, key := range []string{"", "/a", "a/", "A", "a b", "a\x00", "ä", strings.Repeat("a", 201)} {
		if err := registry.CheckKey(key); err == nil {
			t.Errorf("key %q was taken", key)
		}
	}
	if err := registry.Check("a", make([]byte, registry.MaxValueBytes+1)); err == nil {
		t.Error("a long value was taken")
	}
	for _, term := range []time.Duration{0, registry.MinTerm - 1, registry.MaxTerm + 1} {
		if err := registry.CheckHold("a", nil, term); err == nil {
			t.Errorf("a term of %s was taken", term)
		}
	}
}

func ExampleCheckKey() {
	fmt.Println(registry.CheckKey("nodes/2a"))
	fmt.Println(registry.CheckKey("Nodes/") != nil)
	// Output:
	// <nil>
	// true
}
