package auditlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/librum/librum/internal/durable"
)

// MaxFileBytes is the size from which on a log goes on in a new file, of about
// 200,000 acts.
const MaxFileBytes = 64 << 20

// rotated returns the name of the file that begins with the given line, once the
// log goes on in another.
func rotated(path string, first uint64) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%020d%s", strings.TrimSuffix(path, ext), first, ext)
}

// IsRotated reports whether the name, without its folder, is that of a file that
// the log with the other name has filled.
func IsRotated(name, log string) bool {
	ext := filepath.Ext(log)
	number, ok := strings.CutPrefix(strings.TrimSuffix(name, ext), strings.TrimSuffix(log, ext)+"-")
	if !ok {
		return false
	}
	first, err := strconv.ParseUint(number, 10, 64)
	return err == nil && name == rotated(log, first)
}

// full returns the files that the log at path has filled, in their order.
func full(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if IsRotated(e.Name(), filepath.Base(path)) {
			files = append(files, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.Sort(files) // numbers are padded
	return files, nil
}

// Read opens all files of the log at path, in their order, as one. Where there
// is none the error is [fs.ErrNotExist].
func Read(path string) (io.ReadCloser, error) {
	files, err := full(path)
	if err != nil {
		return nil, err
	}
	all := &series{}
	for _, name := range append(files, path) {
		f, err := durable.OpenFile(name, os.O_RDONLY, 0)
		if errors.Is(err, fs.ErrNotExist) && name == path && len(files) > 0 {
			break // the node was killed between two files
		}
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		all.files = append(all.files, f)
	}
	readers := make([]io.Reader, len(all.files))
	for i, f := range all.files {
		readers[i] = f
	}
	all.Reader = io.MultiReader(readers...)
	return all, nil
}

type series struct {
	io.Reader

	files []*os.File
}

// Close implements [io.Closer].
func (s *series) Close() error {
	errs := make([]error, len(s.files))
	for i, f := range s.files {
		errs[i] = f.Close()
	}
	return errors.Join(errs...)
}

// headBefore returns where the log stood before its newest full file, as that
// file's first line says, and the files from there on. What lies before is
// followed by who reads all: a start need not.
func headBefore(path string, start Head) (Head, []string, error) {
	files, err := full(path)
	if err != nil || len(files) == 0 {
		return start, nil, err
	}
	newest := files[len(files)-1]
	f, err := durable.OpenFile(newest, os.O_RDONLY, 0)
	if err != nil {
		return start, nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	text, err := bufio.NewReaderSize(f, maxLine).ReadSlice('\n')
	var first line
	if err == nil {
		err = json.Unmarshal(bytes.TrimSuffix(text, []byte("\n")), &first)
	}
	if err != nil || first.N == 0 || rotated(path, first.N) != newest {
		return start, nil, errors.Join(fmt.Errorf("%w: %s does not begin with the line of its name", ErrDamaged, newest), err)
	}
	if len(files) == 1 {
		return start, files, nil // the whole log
	}
	before := Head{Lines: first.N - 1, Digest: first.Previous}
	for _, name := range files[:len(files)-1] {
		info, err := os.Stat(name)
		if err != nil {
			return start, nil, err
		}
		before.Bytes += info.Size()
	}
	return before, files[len(files)-1:], nil
}
