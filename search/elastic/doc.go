// Package elastic keeps the documents of an index in Elasticsearch 8, where
// Kibana and Grafana's own source can read them too.
//
// What enters is documents with the checkpoint that they make, and searches;
// what leaves is answers, the same that search/sqlite gives. Of a prefix there
// are: PREFIX-state with where the index stands, PREFIX-v1, -v2 and so on with
// the documents of one generation each, the alias PREFIX for the generation
// that answers, and a filtered alias PREFIX-KIND for each kind.
//
// Invariants, cited elsewhere by number:
//
//  1. The checkpoint is written once the documents that make it are
//     acknowledged, and a search that begins after finds them. It names its generation by the id that
//     Elasticsearch gave it: one that was deleted or restored is lost.
//  2. Of two documents with one key that of the greater height stays, in
//     whatever order they come: heights are external versions.
//  3. What a reader writes is a value in a JSON body and never part of a name
//     or path; names of fields come from the schema alone.
//  4. An answer is read at one point in time, taken when nothing was under way:
//     hits, counts and aggregates are those of its checkpoint.
//  5. No answer is partial or approximate: a shard that fails fails the search,
//     terms are asked for until they are exact, and percentiles and cardinality
//     are counted from the distinct values, of which there may be [MaxDistinct].
//  6. Mappings are strict and no index is made by writing to it: what was
//     deleted by hand is missed, and not made again half empty.
//  7. When fields change, the old generation answers until a new one has come
//     as far.
//  8. A prefix belongs to one node, and is refused to others.
package elastic
