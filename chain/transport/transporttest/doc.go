// Package transporttest makes what tests of nodes that speak over TLS need:
// authorities, certificates, addresses that change.
package transporttest
