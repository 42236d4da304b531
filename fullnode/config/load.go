package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"

	"github.com/librum/librum/internal/strictyaml"
)

// Defaults is a file with every field, its default and what it means.
//
//go:embed defaults.yaml
var Defaults string

// MaxBytes bounds a file.
const MaxBytes = 256 << 10

// EnvPrefix begins the variables that override fields.
const EnvPrefix = "LIBRUM_NODE_"

// Load reads a file, lets variables of the environment (NAME=VALUE) override it,
// makes paths relative to the file absolute, and checks all.
func Load(path string, environ []string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("read %s: %w", path, err)
	}
	c, err := Parse(b, environ)
	if err != nil {
		return c, fmt.Errorf("read %s: %w", path, err)
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return c, err
	}
	c.resolve(base)
	return c, nil
}

// Parse is Load for a file's bytes; paths stay as they are.
func Parse(b []byte, environ []string) (Config, error) {
	c := Default()
	if err := strictyaml.Decode(b, MaxBytes, &c); err != nil {
		return c, err
	}
	if err := c.override(environ); err != nil {
		return c, err
	}
	return c, c.check()
}

// override takes fields from the environment.
func (c *Config) override(environ []string) error {
	const delimiter = "."
	names, problems := fieldNames(reflect.TypeFor[Config](), ""), []error(nil)
	k := koanf.New(delimiter)
	err := k.Load(env.Provider(delimiter, env.Opt{
		Prefix:      EnvPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			field := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, EnvPrefix)), "__", delimiter)
			if slices.Contains(names, field) {
				return field, value
			}
			problem := fmt.Errorf("variable %s names no field", name)
			if near := strictyaml.Nearest(field, names); near != "" {
				problem = fmt.Errorf("%w; did you mean %s?", problem, variable(near))
			}
			problems = append(problems, problem)
			return "", nil
		},
	}), nil)
	if err := errors.Join(append(problems, err)...); err != nil {
		return err
	}
	err = k.UnmarshalWithConf("", c, koanf.UnmarshalConf{Tag: "yaml", DecoderConfig: &mapstructure.DecoderConfig{
		Result: c, TagName: "yaml", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(","),
		),
	}})
	if err != nil {
		return fmt.Errorf("variables %s…: %w", EnvPrefix, err)
	}
	return nil
}

// variable is the name of the variable that overrides a field.
func variable(field string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(field, ".", "__"))
}

// fieldNames lists the fields that hold values, levels parted by dots.
func fieldNames(t reflect.Type, prefix string) []string {
	var names []string
	for i := range t.NumField() {
		name := prefix + t.Field(i).Tag.Get("yaml")
		if t.Field(i).Type.Kind() == reflect.Struct {
			names = append(names, fieldNames(t.Field(i).Type, name+".")...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

// resolve makes paths absolute, and fills in those that follow from the
// directory.
func (c *Config) resolve(base string) {
	for _, p := range c.paths() {
		if *p != "" && !filepath.IsAbs(*p) && !strings.HasPrefix(*p, "pkcs11:") {
			*p = filepath.Join(base, *p)
		}
	}
	for p, name := range map[*string]string{
		&c.Registry.File.Path: "registry.json", &c.Order.Local.Dir: "log", &c.Store.Pebble.Dir: "store", &c.Blob.File.Dir: "blobs",
	} {
		if *p == "" {
			*p = filepath.Join(c.Dir, name)
		}
	}
}

// paths are the fields that name files and folders.
func (c *Config) paths() []*string {
	all := []*string{
		&c.Dir, &c.Genesis, &c.PassphraseFile, &c.Door.Certificate, &c.Door.Key, &c.Mesh.Certificate,
		&c.Registry.File.Path, &c.Registry.Etcd.PasswordFile, &c.Order.Local.Dir, &c.Order.Kafka.SASL.PasswordFile,
		&c.Store.Pebble.Dir, &c.Store.Cassandra.PasswordFile, &c.Blob.File.Dir, &c.Blob.IPFS.AuthorizationFile,
	}
	for _, t := range []*TLS{&c.Registry.Etcd.TLS, &c.Order.Kafka.TLS, &c.Store.Cassandra.TLS} {
		all = append(all, &t.CA, &t.Certificate, &t.Key)
	}
	for _, list := range [][]string{c.Mesh.Authorities, c.Mesh.Revoked} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}
