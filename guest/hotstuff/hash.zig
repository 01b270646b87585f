//! The state hash: of what a node is now, however it came to be so.

const std = @import("std");
const sdk = @import("sdk");
const execution = @import("execution.zig");
const nodes = @import("node.zig");

const Node = nodes.Node;

pub fn ofNode(node: *const Node) [32]u8 {
    if (std.debug.runtime_safety) checkFromScratch(node);
    return sdk.Hash.of(.{
        &node.setup.digest, node.view,         node.failures,
        node.timed_out,     node.timeouts.sum, &node.last_timeout.digest,
        node.voted.view,    &node.voted.block, node.lock.view,
        &node.lock.block,   &node.high.digest, node.proposed_view,
        node.votes.sum,     node.tree.sum,     &node.head().hash,
        node.queue.sum,     node.clients.sum,  &node.application_hash,
    });
}

pub noinline fn ofSetup(node: *const Node) [32]u8 {
    const setup = &node.setup;
    var hash = sdk.Hash{};
    hash.add(setup.replica);
    hash.add(setup.n);
    hash.add(setup.scheme);
    hash.add(setup.batch);
    hash.add(setup.base_timeout_ms);
    hash.add(@as([]const u8, setup.schedule[0..setup.scheduled]));
    hash.add(&node.keys.secret);
    for (node.keys.others[0..setup.n]) |*key| hash.add(key);
    hash.add(&node.genesis);
    return hash.final();
}

/// What is kept up to date step by step must be what it would be if it were made anew.
fn checkFromScratch(node: *const Node) void {
    const assert = std.debug.assert;
    assert(std.meta.eql(node.timeouts.sum, node.timeouts.sumFromScratch()));
    assert(std.meta.eql(node.votes.sum, node.votes.sumFromScratch()));
    assert(std.meta.eql(node.tree.sum, node.tree.sumFromScratch()));
    assert(std.meta.eql(node.queue.sum, node.queue.sumFromScratch()));
    assert(std.meta.eql(node.clients.sum, node.clients.sumFromScratch()));
    assert(std.mem.eql(u8, &node.setup.digest, &ofSetup(node)));
    assert(std.mem.eql(u8, &node.high.digest, &node.high.hash()));
    assert(std.mem.eql(u8, &node.last_timeout.digest, &node.last_timeout.hash()));
    assert(std.mem.eql(u8, &node.application_hash, &execution.hashApplication(node)));
}
