//! What keeps two correct replicas from committing different blocks: which proposals are voted for, what locks,
//! and what is final.
//!
//! A proposal need not be built on the newest certificate that its leader was shown: the lock decides.

const std = @import("std");
const sdk = @import("sdk");
const blocks = @import("block.zig");
const certificates = @import("certificate.zig");
const execution = @import("execution.zig");
const flaw = @import("flaw.zig");
const pacemaker = @import("pacemaker.zig");
const votes = @import("votes.zig");
const Node = @import("node.zig").Node;
const Outcome = @import("outcome.zig").Outcome;
const Slot = @import("tree.zig").Slot;

const Certificate = certificates.Certificate;

/// What is wrong with a block by itself.
pub fn faultOf(node: *const Node, block: blocks.Block) ?Outcome {
    if (block.proposer != node.leader(block.view)) return .wrong_leader;
    if (block.justify.view >= block.view) return .certificate_not_below_view;
    if (flaw.has(.no_parent_check)) return null;
    return if (std.mem.eql(u8, block.parent, block.justify.block)) null else .parent_not_certified;
}

/// What is wrong between a block and its parent.
pub fn faultOnParent(node: *const Node, block: blocks.Block, parent: Slot) ?Outcome {
    const entry = &node.tree.entries[parent];
    if (block.height != entry.height + 1) return .wrong_height;
    if (flaw.has(.unsigned_view) or flaw.has(.no_parent_check)) return null;
    return if (block.justify.view == entry.view) null else .certificate_of_another_view;
}

/// What is wrong with a certificate of votes. The first block has one without signatures.
pub fn faultOfCertificate(node: *const Node, certificate: Certificate) ?Outcome {
    if (certificate.equals(node.highCertificate())) return null;
    if (certificate.view == 0) {
        const first = certificate.shares.len == 0 and std.mem.eql(u8, certificate.block, &node.genesis);
        return if (first) null else .bad_certificate;
    }
    return certificate.fault(.vote, node.setup.n, &node.keys);
}

/// Takes note of a valid certificate. It locks and commits nothing until a block is built on it.
pub fn learn(node: *Node, certificate: Certificate) void {
    if (certificate.view <= node.high.view) return;
    node.high.set(certificate);
    pacemaker.enter(node, certificate.view + 1, .certified);
}

/// A block was built on the certificate of the one at `slot`. Two certified blocks in a row lock the first;
/// three, in consecutive views, make the first final.
pub fn certified(node: *Node, slot: Slot, out: *sdk.Out) void {
    const block = &node.tree.entries[slot];
    const parent_slot = node.tree.parentOf(slot) orelse return;
    const parent = &node.tree.entries[parent_slot];
    if (parent.view > node.lock.view) node.lock = .{ .view = parent.view, .block = parent.hash };
    if (block.view != parent.view + 1) return;
    if (flaw.has(.two_chain_commit)) return execution.commit(node, parent_slot, out);
    const grandparent_slot = node.tree.parentOf(parent_slot) orelse return;
    if (parent.view != node.tree.entries[grandparent_slot].view + 1) return;
    execution.commit(node, grandparent_slot, out);
}

/// Votes for the block if that is allowed: once a view, in the present one, and not against the lock.
pub fn vote(node: *Node, slot: Slot, out: *sdk.Out) Outcome {
    const entry = &node.tree.entries[slot];
    if (entry.view != node.view) return .stale_proposal;
    if (entry.view <= node.voted.view and !flaw.has(.votes_twice)) return .equivocating_proposal;
    if (!isSafe(node, slot)) return .unsafe_proposal;
    node.voted = .{ .view = entry.view, .block = entry.hash };
    votes.cast(node, out);
    return .accepted_proposal;
}

fn isSafe(node: *const Node, slot: Slot) bool {
    const justify = node.tree.block(slot, node.setup.scheme).justify;
    return justify.view > node.lock.view or node.tree.extends(slot, &node.lock.block);
}
