//! Blocks that are missing are asked for from whoever mentioned them.
//!
//! Which blocks were asked for needs no table: the block of the newest certificate, and the parents of
//! pending blocks, as far as they are missing.

const std = @import("std");
const sdk = @import("sdk");
const keys = @import("keys.zig");
const messages = @import("message.zig");
const Node = @import("node.zig").Node;
const Outcome = @import("outcome.zig").Outcome;

/// Asks for the first missing block on the way from `hash` down.
pub fn request(node: *const Node, hash: *const keys.Hash, from: u16, out: *sdk.Out) void {
    var buffer: messages.Message.Buffer = undefined;
    const message = messages.Message{ .fetch = node.tree.missingFrom(hash) };
    out.send(from, message.write(node.setup.scheme, &buffer));
}

/// Asks for the block of the newest certificate, if it is missing.
pub fn highBlock(node: *const Node, from: u16, out: *sdk.Out) void {
    if (node.highBlock() == null) request(node, &node.high.block, from, out);
}

pub fn isAskedFor(node: *const Node, hash: *const keys.Hash) bool {
    if (node.tree.find(hash) != null) return false;
    return std.mem.eql(u8, &node.high.block, hash) or node.tree.isAwaited(hash);
}

pub fn serve(node: *const Node, sender: u16, hash: *const keys.Hash, out: *sdk.Out) Outcome {
    const slot = node.tree.find(hash) orelse return .block_unknown;
    const block = node.tree.block(slot, node.setup.scheme);
    var buffer: messages.Message.Buffer = undefined;
    const message = messages.Message{ .block = .{ .block = block, .bytes = node.tree.encoded(slot) } };
    out.send(sender, message.write(node.setup.scheme, &buffer));
    return .block_sent;
}
