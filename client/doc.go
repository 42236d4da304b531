// Package client talks to a node over its HTTP interface. The command line and
// the peers use it.
//
// What enters is typed calls; what leaves is the types of api/v1, files whose
// digest was checked, and errors: a [*Problem] for what the server refused, any
// other error for what could not be told, such as an unreachable server.
//
// Invariants:
//
//  1. Only what is safe to repeat is repeated: reads, transactions (the same
//     bytes have one outcome), jobs under an idempotency key, and parts of
//     uploads and downloads from where they stopped. Repeats are bounded and
//     wait longer each time, or as long as the server says.
//  2. Every call ends: requests by a time-out, transfers and streams when they
//     stand still.
//  3. The token is sent to the server's own address and nowhere else:
//     redirects are not followed.
//  4. Neither token nor key stands in an error. A client with an identity signs
//     requests for tokens, for the node that answers, and nothing else with its
//     key.
//  5. A downloaded file appears under its name whole and with its digest, or
//     not at all.
package client
