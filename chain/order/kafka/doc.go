// Package kafka keeps the ordered log in a Kafka topic of one partition, which
// the nodes of all organisations share.
//
// What enters is the brokers' addresses, how to speak to them, and records;
// what leaves is entries at Kafka's own offsets. Nothing is kept here: a log
// that was closed opens again where the topic stands.
//
// Invariants:
//
//  1. A record is acknowledged when all in-sync replicas have it (acks=all), and
//     the topic asks for two of them at least; settings under which an
//     acknowledged record can be lost are refused ([UnsafeTopicError]) before
//     anything is written. One broker alone needs [Config.UnsafeSingleBroker].
//  2. A record that was handed over once stands on the topic once, whatever was
//     tried again: batches carry a producer id and sequence numbers (Kafka's
//     idempotent producer, KIP-98), one batch is under way at a time, and what
//     the broker can't place ends the log with [order.ErrFailed]. The promise
//     holds for one open log; who appends the same bytes after opening again
//     writes a second record.
//  3. The topic is known by the id that Kafka gave it when it was made. A topic
//     that was made again or removed, or that ends before what was read or
//     acknowledged, is [order.ErrCorrupt]. The id is looked at on every error,
//     and after each answer with entries or an acknowledgement, before it is
//     passed on: requests name a topic by its name alone.
//  4. Reading needs no consumer group, no committed offsets and no automatic
//     making of topics.
//  5. While Kafka does not answer, Append and Read wait, as long as their
//     context lets them.
//
// kafka-go has no idempotent producer and knows no topic ids, so the record
// batch is encoded here and three requests are written here; connections, TLS,
// SASL, routing and all else are kafka-go's.
package kafka
