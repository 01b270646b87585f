//! Chained HotStuff (Yin, Malkhi, Reiter, Gueta, Abraham: HotStuff, PODC 2019) with a pacemaker of timeouts.
//!
//! A proposal carries the certificate of its parent, votes for it go to the next leader, and a block is final
//! with three certified blocks in consecutive views. Each file is one concern; node.zig is what they share.

const sdk = @import("sdk");
const execution = @import("execution.zig");
const fetch = @import("fetch.zig");
const forging = @import("forge.zig");
const hash = @import("hash.zig");
const inspection = @import("inspect.zig");
const limits = @import("limits.zig");
const messages = @import("message.zig");
const pacemaker = @import("pacemaker.zig");
const proposals = @import("proposals.zig");
const proposer = @import("proposer.zig");
const starting = @import("start.zig");
const votes = @import("votes.zig");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "hotstuff";
pub const version = "1";
pub const max_nodes: u16 = 48;
pub const replicas = [2]u16{ limits.replicas_min, limits.replicas_max };

pub const Node = @import("node.zig").Node;
pub const Outcome = @import("outcome.zig").Outcome;
pub const stateHash = hash.ofNode;
pub const inspect = inspection.inspect;
pub const decode = inspection.decode;
pub const forge = forging.forge;
pub const describe = @import("describe.zig").describe;

pub fn init(node: *Node, p: sdk.Init, out: *sdk.Out) sdk.Malformed!u16 {
    try starting.start(node, p);
    settle(node, out);
    return sdk.ok;
}

pub fn deliver(node: *Node, sender: u16, bytes: []const u8, out: *sdk.Out) u16 {
    const parsed = messages.Message.parse(bytes) catch return sdk.malformed;
    if (parsed.scheme != node.setup.scheme) return sdk.malformed;
    const outcome = if (sender < node.setup.n) receive(node, sender, parsed.message, out) else .wrong_sender;
    settle(node, out);
    return @intFromEnum(outcome);
}

fn receive(node: *Node, sender: u16, message: messages.Message, out: *sdk.Out) Outcome {
    return switch (message) {
        .proposal => |proposal| proposals.receive(node, sender, proposal, out),
        .vote => |vote| votes.receive(node, sender, vote, out),
        .timeout => |found| pacemaker.receive(node, sender, found, out),
        .new_view => |new_view| pacemaker.receiveNewView(node, sender, new_view, out),
        .fetch => |block| fetch.serve(node, sender, block, out),
        .block => |encoded| proposals.receiveBlock(node, sender, encoded, out),
    };
}

pub fn timeout(node: *Node, view: u64, out: *sdk.Out) u16 {
    const outcome = pacemaker.expire(node, view, out);
    settle(node, out);
    return @intFromEnum(outcome);
}

pub fn command(node: *Node, client: u64, sequence: u64, data: []const u8, _: *sdk.Out) u16 {
    if (data.len > limits.command_size_max) return sdk.malformed;
    const outcome = execution.enqueue(node, .{ .client = client, .sequence = sequence, .data = data });
    return @intFromEnum(outcome);
}

/// What follows from a view that was entered within the event.
fn settle(node: *Node, out: *sdk.Out) void {
    while (true) {
        if (node.timer_view != node.view) pacemaker.startTimer(node, out);
        if (!proposer.isDue(node)) return;
        proposer.propose(node, out);
    }
}
