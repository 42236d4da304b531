package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/librum/librum/chain/keyfile"
)

// The places of a passphrase or PIN other than a file. There is no flag for the
// secret itself: command lines stand in histories and process lists.
const (
	envPassphrase     = "LIBRUM_PASSPHRASE"      //nolint:gosec // a name
	envPassphraseFile = "LIBRUM_PASSPHRASE_FILE" //nolint:gosec // a name
	maxPassphrase     = 1 << 10
)

// passphraseFlag says where the secrets of encrypted keys come from.
type passphraseFlag struct {
	name  string
	file  string
	typed map[string]string // what was typed is not asked for again: a certificate's key is read more than once
}

// addPassphraseFlag gives a command the flag; whose keys it is for stands in
// its name, and what for in the help.
func addPassphraseFlag(flags *pflag.FlagSet, name, keys string) *passphraseFlag {
	f := &passphraseFlag{name: name, typed: map[string]string{}}
	flags.StringVar(&f.file, name, "", "file with the passphrase of "+keys+", or the PIN of its token (default $"+envPassphraseFile+
		", else $"+envPassphrase+", else asked for)")
	return f
}

// ask is a [keyfile.Ask].
func (f *passphraseFlag) ask(what string) (string, error) {
	if secret, ok, err := f.known(what); ok || err != nil {
		return secret, err
	}
	secret, err := f.prompt(what, false)
	if err == nil {
		f.typed[what] = secret
	}
	return secret, err
}

// askNobody is a [keyfile.Ask] for what works on its own: a terminal is not
// asked.
func (f *passphraseFlag) askNobody(what string) (string, error) {
	secret, ok, err := f.known(what)
	if err == nil && !ok {
		err = fmt.Errorf("no %s: give it with --%s, $%s or $%s: %w", what, f.name, envPassphraseFile, envPassphrase, keyfile.ErrLocked)
	}
	return secret, err
}

// known returns a secret that nobody has to be asked for.
func (f *passphraseFlag) known(what string) (_ string, ok bool, _ error) {
	if path := first(f.file, os.Getenv(envPassphraseFile)); path != "" {
		b, err := readSecret(path, maxPassphrase)
		if err != nil {
			return "", false, fmt.Errorf("read the %s: %w", what, err)
		}
		return strings.TrimRight(string(b), "\r\n"), true, nil
	}
	if secret := os.Getenv(envPassphrase); secret != "" {
		return secret, true, nil
	}
	secret, ok := f.typed[what]
	return secret, ok, nil
}

// choose returns the passphrase of a new key, empty for none: where there is a
// terminal it is asked for twice.
func (f *passphraseFlag) choose(what string) (string, error) {
	if first(f.file, os.Getenv(envPassphraseFile), os.Getenv(envPassphrase)) != "" {
		secret, err := f.ask(what)
		if err == nil && secret == "" {
			err = fmt.Errorf("the %s is empty", what)
		}
		return secret, err
	}
	return f.prompt(what+", empty for none", true)
}

func (f *passphraseFlag) prompt(what string, twice bool) (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		if twice {
			return "", nil
		}
		return "", fmt.Errorf("no %s: give it with --%s, $%s or $%s: %w", what, f.name, envPassphraseFile, envPassphrase, keyfile.ErrLocked)
	}
	read := func(prompt string) ([]byte, error) {
		_, _ = io.WriteString(os.Stderr, prompt+": ")
		defer func() { _, _ = io.WriteString(os.Stderr, "\n") }()
		return term.ReadPassword(in)
	}
	secret, err := read(what)
	if err == nil && twice && len(secret) > 0 {
		var again []byte
		if again, err = read("again"); err == nil && !bytes.Equal(secret, again) {
			err = errors.New("the two differ")
		}
	}
	if err != nil {
		return "", fmt.Errorf("ask for the %s: %w", what, err)
	}
	return string(secret), nil
}
