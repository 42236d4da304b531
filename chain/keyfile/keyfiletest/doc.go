// Package keyfiletest makes tokens for tests, with SoftHSM.
package keyfiletest
