// Package node assembles one node of a shard: the gateway that lets
// transactions in, the follower that reads the log, the core that executes and
// groups, and the keeper that stores.
//
// What enters is signed transactions from clients and header signatures from
// other nodes; what leaves is records on the log, results to whoever waits for
// them, and blocks in the store. pipeline.go lists every queue between the
// parts.
//
// Invariants:
//
//  1. A result is told to a client only after this node executed its record,
//     which the log holds durably; nothing told is lost by a crash.
//  2. A node's own header signature is stored before any other node sees it.
//  3. Writes, block, applied offset and commitment reach the store in one
//     unit; after a crash the node executes only what lies behind it.
//  4. Queues are bounded. A full window is refused at the door with [ErrBusy],
//     never dropped behind it.
//  5. A log that is another topic, ends before what this node executed, or
//     holds another record there, stops the node with [ErrLogRewritten].
//  6. While the store is away ([store.ErrAway]) execution and the keeper wait and
//     nothing is given up; [Node.StoreWait] says for how long. Any other error of
//     the store stops the node.
package node
