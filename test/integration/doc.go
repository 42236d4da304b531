// Package integration breaks real servers under load and looks whether the
// drivers keep what they promise. It needs servers of `make servers` and skips
// where LIBRUM_SERVERS_DIR names none; `make test-integration` starts them.
//
// What enters is that folder; what leaves is test results. Invariant: a test
// leaves all servers running, as it found them.
package integration
