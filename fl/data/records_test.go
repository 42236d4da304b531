package data

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const wards = "ward,x,y\nb,1,0\n10,2,1\n9,\"a, quoted\"\"cell\",0\n ,4,1\nb,5,1\n"

func TestRecordsBy(t *testing.T) {
	t.Parallel()
	r, err := ReadRecords(strings.NewReader("\xEF\xBB\xBF" + wards))
	if err != nil {
		t.Fatal(err)
	}
	groups, without, err := r.By("ward")
	want := []Group{{"9", []int{2}}, {"10", []int{1}}, {"b", []int{0, 4}}}
	if err != nil || without != 1 || !reflect.DeepEqual(groups, want) {
		t.Errorf("%v, %d without, %v; want %v", groups, without, err, want)
	}
	var b bytes.Buffer
	if err := r.Write(&b, groups[0].Rows); err != nil || b.String() != "ward,x,y\n9,\"a, quoted\"\"cell\",0\n" {
		t.Errorf("written: %q, %v", b.String(), err)
	}
	for _, column := range []string{"", "z"} {
		if _, _, err := r.By(column); !errors.Is(err, ErrInvalid) {
			t.Errorf("by %q: %v", column, err)
		}
	}
	twice := Records{Header: []string{"a", "a"}, Rows: [][]string{{"1", "2"}}}
	if _, _, err := twice.By("a"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a column that stands there twice: %v", err)
	}
	var many Records
	many.Header = []string{"a"}
	for i := range MaxGroups + 1 {
		many.Rows = append(many.Rows, []string{fmt.Sprint(i)})
	}
	if _, _, err := many.By("a"); !errors.Is(err, ErrInvalid) {
		t.Errorf("too many groups: %v", err)
	}
	if _, err := ReadRecords(strings.NewReader("a,b\n1\n")); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a row too short: %v", err)
	}
}

// FuzzReadRecords: whatever is read is written and read again as it was.
func FuzzReadRecords(f *testing.F) {
	f.Add(wards)
	f.Add("a\n\"\n\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadRecords(strings.NewReader(text))
		if err != nil || len(r.Header) == 0 {
			return
		}
		rows := make([]int, len(r.Rows))
		for i := range rows {
			rows[i] = i
		}
		var b bytes.Buffer
		if err := r.Write(&b, rows); err != nil {
			t.Fatal(err)
		}
		again, err := ReadRecords(&b)
		// A record of one empty cell is written as a line that is skipped.
		if err == nil && len(r.Header) > 1 && (len(again.Rows) != len(r.Rows) || len(again.Header) != len(r.Header)) {
			t.Errorf("%q: %d rows became %d", text, len(r.Rows), len(again.Rows))
		}
	})
}

// TestImagesWrite writes some images and reads them as the subset of rows.
func TestImagesWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, side := rapid.IntRange(1, 6).Draw(t, "images"), rapid.IntRange(1, 4).Draw(t, "side")
		m := Images{
			Dims:   []int{n, side, side},
			Pixels: rapid.SliceOfN(rapid.Byte(), n*side*side, n*side*side).Draw(t, "pixels"),
			Labels: rapid.SliceOfN(rapid.ByteRange(0, 3), n, n).Draw(t, "labels"),
		}
		rows := rapid.SliceOfN(rapid.IntRange(0, n-1), 1, 8).Draw(t, "rows")
		var images, labels bytes.Buffer
		if err := m.Write(&images, &labels, rows); err != nil {
			t.Fatal(err)
		}
		got, err := ReadIDX(&images, &labels)
		all := m.Dataset()
		want, wrong := all.Subset(rows)
		if err != nil || wrong != nil || !slices.Equal(got.Features, want.Features) || !slices.Equal(got.Labels, want.Labels) {
			t.Fatalf("%+v, %v; want %+v, %v", got, err, want, wrong)
		}
	})
}

// TestPicture looks at the picture as a program would: well-formed, a piece for
// each label that a peer has, and as high in all as it should be.
func TestPicture(t *testing.T) {
	t.Parallel()
	shares := []Share{{"a<b", []int{3, 0, 1}}, {"2", []int{0, 2, 0}}}
	b := Picture("rows & <peers>", []string{"x", "y", "z"}, shares)
	pieces, titles := 0, []string(nil)
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, b)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "title" {
				pieces++
			}
		case xml.CharData:
			titles = append(titles, string(token))
		}
	}
	if pieces != 3 || !slices.Contains(titles, "a<b: 3 of x") || !slices.Contains(titles, "rows & <peers>") {
		t.Errorf("%d pieces of %q, want 3", pieces, titles)
	}
	if again := Picture("rows & <peers>", []string{"x", "y", "z"}, shares); !bytes.Equal(again, b) {
		t.Error("the same split gives another picture")
	}
	// The tallest bar, of four rows, is three quarters and one quarter of the height.
	for _, want := range []string{`y="140.00" width="20" height="300.00"`, `y="40.00" width="20" height="100.00"`, `y="240.00" width="20" height="200.00"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no piece with %s in\n%s", want, b)
		}
	}
}
