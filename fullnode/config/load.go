package config

import (
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"

	"github.com/librum/librum/internal/durable"
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
	b, err := durable.ReadFile(path, MaxBytes)
	if err != nil {
		return Config{}, err
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

// Parse is Load for a file's bytes; paths stay as they are. Every error is an
// [*Error].
func Parse(b []byte, environ []string) (Config, error) {
	c := Default()
	err := strictyaml.Decode(b, MaxBytes, &c)
	if strict, ok := errors.AsType[*strictyaml.Error](err); ok {
		return c, &Error{Problems: strict.Problems}
	}
	if err := c.override(environ); err != nil {
		return c, err
	}
	return c, c.check()
}

// override takes fields from the environment.
func (c *Config) override(environ []string) error {
	const delimiter = "."
	names, p := fieldNames(reflect.TypeFor[Config](), ""), problems(nil)
	k := koanf.New(delimiter)
	err := k.Load(env.Provider(delimiter, env.Opt{
		Prefix:      EnvPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			field := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, EnvPrefix)), "__", delimiter)
			if slices.Contains(names, field) {
				return field, value
			}
			hint := ""
			if near := strictyaml.Nearest(field, names); near != "" {
				hint = fmt.Sprintf("; did you mean %s?", variable(near))
			}
			p.add("variable "+name, "no field has that name%s", hint)
			return "", nil
		},
	}), nil)
	if err != nil {
		p.add("environment", "%v", err)
	}
	if len(p) > 0 {
		return p.err()
	}
	err = k.UnmarshalWithConf("", c, koanf.UnmarshalConf{Tag: "yaml", DecoderConfig: &mapstructure.DecoderConfig{
		Result: c, TagName: "yaml", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(","),
		),
	}})
	if err != nil {
		p.add("variables "+EnvPrefix, "%s", strings.Join(strings.Fields(err.Error()), " "))
	}
	return p.err()
}

// variable is the name of the variable that overrides a field.
func variable(field string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(field, ".", "__"))
}

// fieldNames lists the fields that hold values, levels parted by dots.
func fieldNames(t reflect.Type, prefix string) []string {
	var names []string
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct {
			names = append(names, fieldNames(f.Type, name+".")...)
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
		&c.Search.SQLite.Path: filepath.Join("search", "index.sqlite"),
	} {
		if *p == "" {
			*p = filepath.Join(c.Dir, name)
		}
	}
}

// paths are the fields that name files and folders.
func (c *Config) paths() []*string {
	all := []*string{
		&c.Dir, &c.Genesis, &c.PassphraseFile, &c.Door.Certificate, &c.Door.Key,
		&c.Registry.File.Path, &c.Registry.Etcd.PasswordFile, &c.Order.Local.Dir, &c.Order.Kafka.SASL.PasswordFile,
		&c.Store.Pebble.Dir, &c.Store.Cassandra.PasswordFile, &c.Blob.File.Dir, &c.Blob.IPFS.AuthorizationFile,
		&c.Search.SQLite.Path, &c.Search.Elastic.PasswordFile, &c.Search.Elastic.APIKeyFile,
	}
	for _, t := range []*TLS{&c.Registry.Etcd.TLS, &c.Order.Kafka.TLS, &c.Store.Cassandra.TLS, &c.Search.Elastic.TLS} {
		all = append(all, &t.CA, &t.Certificate, &t.Key)
	}
	for _, list := range [][]string{c.Mesh.Certificates, c.Mesh.Authorities, c.Mesh.Revoked} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}
