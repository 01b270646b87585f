//! Blocks that come in, from leaders or as answers to fetches. What is cheap is checked first.

const sdk = @import("sdk");
const blocks = @import("block.zig");
const fetch = @import("fetch.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");
const messages = @import("message.zig");
const pacemaker = @import("pacemaker.zig");
const safety = @import("safety.zig");
const trees = @import("tree.zig");
const Node = @import("node.zig").Node;
const Outcome = @import("outcome.zig").Outcome;

pub fn receive(node: *Node, sender: u16, proposal: messages.Proposal, out: *sdk.Out) Outcome {
    const block = proposal.encoded.block;
    if (block.proposer != sender) return .wrong_sender;
    if (block.view <= node.head().view) return .stale_proposal;
    if (safety.faultOf(node, block)) |fault| return fault;
    const hash = proposal.encoded.hash();
    if (node.tree.find(&hash) != null) return .duplicate_proposal;
    if (!node.keys.verify(sender, proposal.statement(&hash), proposal.signature)) return .bad_signature;
    if (faultOfClaims(node, block, proposal)) |fault| return fault;
    safety.learn(node, block.justify);
    if (block.view > node.view) return .view_ahead;
    if (node.tree.countOfView(block.view) >= limits.proposals_max) return .equivocating_proposal;
    return adopt(node, sender, proposal.encoded, &hash, out);
}

/// What is wrong with the parent, if it is here, or with the certificates. Notes a new one of timeouts.
fn faultOfClaims(node: *Node, block: blocks.Block, proposal: messages.Proposal) ?Outcome {
    if (node.tree.findConnected(block.parent)) |parent| {
        if (safety.faultOnParent(node, block, parent)) |fault| return fault;
    }
    if (safety.faultOfCertificate(node, block.justify)) |fault| return fault;
    return pacemaker.learnTimeout(node, proposal.timeout orelse return null);
}

/// A block that was asked for; whoever sends it need not sign.
pub fn receiveBlock(node: *Node, sender: u16, encoded: blocks.Encoded, out: *sdk.Out) Outcome {
    const block = encoded.block;
    const hash = encoded.hash();
    if (!fetch.isAskedFor(node, &hash)) return .block_not_asked_for;
    if (safety.faultOf(node, block)) |fault| return fault;
    if (safety.faultOfCertificate(node, block.justify)) |fault| return fault;
    safety.learn(node, block.justify);
    return switch (adopt(node, sender, encoded, &hash, out)) {
        .accepted_proposal, .stale_proposal, .equivocating_proposal, .unsafe_proposal => .block_connected,
        else => |outcome| outcome,
    };
}

/// Keeps a block that is sound by itself, and asks for its parent if that is missing.
fn adopt(node: *Node, sender: u16, encoded: blocks.Encoded, hash: *const keys.Hash, out: *sdk.Out) Outcome {
    const parent = node.tree.findConnected(encoded.block.parent);
    if (parent) |slot| if (safety.faultOnParent(node, encoded.block, slot)) |fault| return fault;
    const status: trees.Status = if (parent != null) .open else .pending;
    const slot = node.tree.insert(encoded, hash, status, &node.high.block) orelse return .table_full;
    if (parent == null) {
        fetch.request(node, encoded.block.parent, sender, out);
        return .parent_missing;
    }
    const outcome = connected(node, slot, out);
    while (node.tree.nextConnectable()) |next| connect(node, next, out);
    return outcome;
}

/// The parent of a pending block came.
fn connect(node: *Node, slot: trees.Slot, out: *sdk.Out) void {
    const parent = node.tree.parentOf(slot).?;
    const block = node.tree.block(slot, node.setup.scheme);
    if (safety.faultOnParent(node, block, parent) != null) return node.tree.setStatus(slot, .free);
    node.tree.setStatus(slot, .open);
    _ = connected(node, slot, out);
}

/// The block at `slot` leads to the head now: its certificate counts, and it may get a vote.
pub fn connected(node: *Node, slot: trees.Slot, out: *sdk.Out) Outcome {
    if (node.tree.parentOf(slot)) |parent| safety.certified(node, parent, out);
    // A commit may have pruned it.
    if (!node.tree.entries[slot].connected()) return .stale_proposal;
    return safety.vote(node, slot, out);
}
