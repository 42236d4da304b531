// Package job is the vocabulary of a federated training job: its spec, the
// states that jobs and rounds pass through, and the reasons they end with.
//
// What enters: a spec as JSON or YAML that a person or program wrote, or as the
// deterministic CBOR that stands on the ledger. What leaves: a [Spec] with
// every field set and in range, or a [SpecError] that lists every problem at
// once with field, value and what is allowed.
//
// Invariants, cited elsewhere as job(n):
//
//  1. There is one table of fields, [Spec.fields]. Reading, defaults, ranges
//     and documentation all come from it.
//  2. A field that is not in the table is refused by name; so is one that is
//     given twice or is null. Nothing is ignored.
//  3. A spec that passed [Spec.Validate] is the same after a round trip
//     through CBOR, JSON or YAML.
//  4. Terminal states are terminal: see [State.Terminal].
//
// The fields are those that have an effect today; a field whose effect is not
// built is unknown.
package job
