// Package source is the back end of the Grafana data source: it asks the HTTP
// interface of one node and answers in data frames.
//
// What enters are queries, health checks, requests for resources and
// subscriptions, as Grafana's plug-in SDK hands them on; what leaves are typed
// frames and errors that say whose fault they are. One file holds one query
// type; [queryTypes] lists them.
//
// Invariants, cited elsewhere by number:
//
//  1. Frames are typed, and so is an answer without rows: its fields are there
//     with no values, so that alerting can tell "nothing" from "wrong".
//  2. Series are wide (one time, a number in every other field) or several
//     frames of that form, as alerting wants them.
//  3. Macros are expanded here and never in the browser: alerts and dashboards
//     ask the same.
//  4. What the node refuses, and what keeps from reaching it, is downstream;
//     what remains is the plug-in's own. Neither names the token.
//  5. Every request to the node ends: by its context, at the latest after
//     [askTime]; subscriptions end with Grafana's interest.
//  6. A query is bounded: rows, rounds, jobs and buckets have a most, and a
//     frame that was cut says so in a notice.
package source
