//! Lies for a faulty replica to tell: a message changed and signed again, with this node's key and no other.

const std = @import("std");
const sdk = @import("sdk");
const blocks = @import("block.zig");
const certificates = @import("certificate.zig");
const messages = @import("message.zig");
const Forger = @import("forger.zig").Forger;
const Mutation = @import("mutation.zig").Mutation;
const Node = @import("node.zig").Node;

const Message = messages.Message;

/// Reports the changed message; `unsupported` where the mutation does not apply, or finds nothing to use.
pub fn forge(node: *const Node, number: u16, choice: u64, bytes: []const u8, out: *sdk.Out) u16 {
    const mutation = std.meta.intToEnum(Mutation, number) catch return sdk.unsupported;
    const parsed = Message.parse(bytes) catch return sdk.malformed;
    if (parsed.scheme != node.setup.scheme) return sdk.malformed;
    var forger = Forger{ .node = node, .mutation = mutation, .choice = choice };
    const changed = change(&forger, parsed.message) orelse return sdk.unsupported;
    var buffer: Message.Buffer = undefined;
    out.report(changed.write(parsed.scheme, &buffer));
    return sdk.ok;
}

fn change(forger: *Forger, message: Message) ?Message {
    const kind = std.meta.activeTag(message);
    if (std.mem.indexOfScalar(messages.Kind, forger.mutation.kinds(), kind) == null) return null;
    return switch (message) {
        .proposal => |proposal| .{ .proposal = changeProposal(forger, proposal) orelse return null },
        .vote => |vote| .{ .vote = changeVote(forger, vote) orelse return null },
        .timeout => |timeout| .{ .timeout = changeTimeout(forger, timeout) orelse return null },
        .new_view => |new_view| .{ .new_view = changeNewView(forger, new_view) orelse return null },
        .block => |encoded| .{ .block = forger.encode(changeBlock(forger, encoded.block) orelse return null) },
        .fetch => null,
    };
}

fn changeProposal(forger: *Forger, proposal: messages.Proposal) ?messages.Proposal {
    var changed = proposal;
    if (forger.mutation == .damaged_certificate and proposal.timeout != null) {
        changed.timeout = forger.spoil(proposal.timeout.?) orelse return null;
        return changed;
    }
    changed.encoded = forger.encode(changeBlock(forger, proposal.encoded.block) orelse return null);
    if (forger.mutation == .commands_without_signature) return changed;
    changed.signature = forger.sign(changed.statement(&changed.encoded.hash()));
    return changed;
}

fn changeBlock(forger: *Forger, block: blocks.Block) ?blocks.Block {
    var changed = block;
    switch (forger.mutation) {
        .view_plus_one, .view_minus_one => changed.view = forger.moveView(block.view) orelse return null,
        .later_view => changed.view = forger.laterView(block.view) orelse return null,
        .wrong_sender => changed.proposer = forger.otherReplica(block.proposer),
        .wrong_height => changed.height = block.height +% 1 +% forger.choice % 3,
        .other_commands, .commands_without_signature => changed.commands = forger.makeCommands(),
        .repeated_commands => changed.commands = forger.repeatCommands() orelse return null,
        .other_parent => {
            const parent = forger.otherBlock(block.parent) orelse return null;
            changed.parent = &parent.hash;
            changed.height = parent.height + 1;
        },
        .dropped_signer, .damaged_certificate => changed.justify = forger.spoil(block.justify) orelse return null,
        else => {
            const found = forger.replace(block.justify, block.view) orelse return null;
            changed.justify = found.certificate;
            changed.parent = found.certificate.block;
            changed.height = found.height + 1;
        },
    }
    return changed;
}

fn changeVote(forger: *Forger, vote: messages.Vote) ?messages.Vote {
    var changed = vote;
    switch (forger.mutation) {
        .wrong_sender => changed.signer = forger.otherReplica(vote.signer),
        .other_block => changed.block = &(forger.otherBlock(vote.block) orelse return null).hash,
        else => changed.view = forger.moveView(vote.view) orelse return null,
    }
    changed.signature = forger.sign(changed.statement());
    return changed;
}

fn changeTimeout(forger: *Forger, timeout: messages.Timeout) ?messages.Timeout {
    var changed = timeout;
    switch (forger.mutation) {
        .wrong_sender => changed.signer = forger.otherReplica(timeout.signer),
        .view_plus_one, .view_minus_one => changed.view = forger.moveView(timeout.view) orelse return null,
        else => changed.high = changeCertificate(forger, timeout.high) orelse return null,
    }
    changed.signature = forger.sign(changed.statement());
    return changed;
}

fn changeNewView(forger: *Forger, new_view: messages.NewView) ?messages.NewView {
    var changed = new_view;
    if (forger.mutation == .damaged_certificate and new_view.timeout != null) {
        changed.timeout = forger.spoil(new_view.timeout.?) orelse return null;
    } else {
        changed.high = changeCertificate(forger, new_view.high) orelse return null;
    }
    return changed;
}

/// One that comes alone; its view may be any.
fn changeCertificate(forger: *Forger, certificate: certificates.Certificate) ?certificates.Certificate {
    return switch (forger.mutation) {
        .dropped_signer, .damaged_certificate => forger.spoil(certificate),
        else => (forger.replace(certificate, certificate.view + 2) orelse return null).certificate,
    };
}
