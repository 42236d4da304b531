package aggregation_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

// TestRefusalInAnyScript holds that a refusal which quotes a name of any script
// is kept and read again, wherever the cut falls.
func TestRefusalInAnyScript(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	id, good := b.create("a", job.Strategy{Name: "fedavg"}), file(t, 1)
	b.send(id, announcement("a", good, 1), good)
	for i := range 4 { // a character has up to four bytes
		header := fmt.Sprintf(`{"%s":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}`, strings.Repeat("x", i)+strings.Repeat("世", 80))
		bad := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		bad = append(bad, make([]byte, 4)...)
		b.send(id, announcement(fmt.Sprint("b", i), bad, 1), bad)
	}
	before := b.run(id)
	if before.State != aggregation.Done || len(before.Refused) != 4 {
		t.Fatalf("%+v", before)
	}
	b.close()
	b.open()
	after, err := b.Get(id)
	if err != nil || len(after.Refused) != 4 {
		t.Fatalf("%+v, %v", after, err)
	}
	for _, r := range after.Refused {
		if !utf8.ValidString(r.Detail) || !strings.Contains(r.Detail, "世") {
			t.Errorf("%+q", r.Detail)
		}
	}
}

// TestUnreadable holds that what cannot be read is set aside: the service opens,
// the others are there, its key may be used again, and the next start removes it.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(dir string) error{
		"head": func(dir string) error { return os.WriteFile(filepath.Join(dir, "head.cbor"), []byte{0xff}, 0o600) },
		"record": func(dir string) error {
			inputs := filepath.Join(dir, "inputs")
			return errors.Join(os.MkdirAll(inputs, 0o700), os.WriteFile(filepath.Join(inputs, "x.cbor"), []byte{0xff}, 0o600))
		},
		"store": func(dir string) error {
			files := filepath.Join(dir, "files")
			return errors.Join(os.RemoveAll(files), os.WriteFile(files, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, aggregation.Limits{})
			bad, good := b.create("bad", job.Strategy{Name: "fedavg"}), b.create("good", job.Strategy{Name: "fedavg"})
			dir := filepath.Join(b.config.Dir, bad.String())
			for range 2 { // the name that the first was set aside under is free again
				b.close()
				if err := damage(dir); err != nil {
					t.Fatal(err)
				}
				b.open()
				if _, err := b.Get(bad); !errors.Is(err, aggregation.ErrNotFound) {
					t.Errorf("the damaged one: %v", err)
				}
				if _, err := b.Get(good); err != nil {
					t.Errorf("the other: %v", err)
				}
				if _, err := os.Stat(dir + ".unreadable"); err != nil {
					t.Error(err)
				}
				if again := b.create("bad", job.Strategy{Name: "fedavg"}); again != bad {
					t.Errorf("made again as %s", again)
				}
			}
			b.close()
			b.open()
			if left, err := os.ReadDir(b.config.Dir); err != nil || len(left) != 2 {
				t.Errorf("%d entries are left, %v", len(left), err)
			}
		})
	}
}
