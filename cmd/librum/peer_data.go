package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/internal/durable"
)

// loadData reads the rows that a data source names.
func loadData(text, root string) (_ data.Dataset, err error) {
	source, err := data.ParseSource(text)
	if err != nil {
		return data.Dataset{}, err
	}
	files := dataFiles{}
	if root != "" {
		if files.root, err = os.OpenRoot(root); err != nil {
			return data.Dataset{}, err
		}
		defer func() { err = errors.Join(err, files.root.Close()) }()
	}
	switch source.Kind {
	case data.SourceCSV:
		return files.csv(source)
	case data.SourceParquet:
		return files.parquet(source)
	case data.SourceIDX:
		return files.idx(source)
	default:
		parts, err := data.DigitsParts(source.Of, source.Seed)
		if err != nil {
			return data.Dataset{}, err
		}
		return parts[source.Part-1], nil
	}
}

// dataFiles opens files, below a root if there is one.
type dataFiles struct{ root *os.Root }

func (d dataFiles) csv(source data.Source) (_ data.Dataset, err error) {
	schema, err := d.schema(source.Schema)
	if err != nil {
		return data.Dataset{}, fmt.Errorf("%s: %w", source.Schema, err)
	}
	file, err := d.open(source.Path)
	if err != nil {
		return data.Dataset{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	rows, err := data.ReadTable(file, schema, source.Label)
	if err != nil {
		return data.Dataset{}, fmt.Errorf("%s: %w", source.Path, err)
	}
	return rows, nil
}

func (d dataFiles) parquet(source data.Source) (_ data.Dataset, err error) {
	schema, err := d.schema(source.Schema)
	if err != nil {
		return data.Dataset{}, fmt.Errorf("%s: %w", source.Schema, err)
	}
	file, err := d.open(source.Path)
	if err != nil {
		return data.Dataset{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return data.Dataset{}, err
	}
	rows, err := data.ReadParquet(file, info.Size(), schema, source.Label)
	if err != nil {
		return data.Dataset{}, fmt.Errorf("%s: %w", source.Path, err)
	}
	return rows, nil
}

func (d dataFiles) schema(path string) (_ data.Schema, err error) {
	file, err := d.open(path)
	if err != nil {
		return data.Schema{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	b, err := io.ReadAll(io.LimitReader(file, data.MaxSchemaBytes+1))
	if err != nil {
		return data.Schema{}, err
	}
	return data.ParseSchema(b)
}

func (d dataFiles) idx(source data.Source) (_ data.Dataset, err error) {
	images, err := d.open(source.Images)
	if err != nil {
		return data.Dataset{}, err
	}
	defer func() { err = errors.Join(err, images.Close()) }()
	labels, err := d.open(source.Labels)
	if err != nil {
		return data.Dataset{}, err
	}
	defer func() { err = errors.Join(err, labels.Close()) }()
	return data.ReadIDX(images, labels)
}

// open opens a regular file: a pipe or a device would hang, or never end. With
// a root neither the path nor a symbolic link in it leads out, which os.Root
// holds even while somebody moves files.
func (d dataFiles) open(path string) (*os.File, error) {
	switch {
	case d.root == nil:
		return durable.OpenFile(path, os.O_RDONLY, 0)
	case !filepath.IsLocal(path):
		return nil, fmt.Errorf("%s leads out of --data-root; give a path relative to it", path)
	default:
		return durable.OpenIn(d.root, path)
	}
}
