// Package app tests the built binary as a user meets it: from outside, by
// command line, files and HTTP alone. LIBRUM_BIN names the binary; without it
// the tests build one.
package app
