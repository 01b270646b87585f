//! Votes become certificates.
//!
//! A vote goes to the leader of the next view, and once more to the one after that when the view times out:
//! otherwise a silent leader would lose the certificate, and with one replica in four silent no three
//! consecutive views would ever end up certified.

const std = @import("std");
const sdk = @import("sdk");
const certificates = @import("certificate.zig");
const fetch = @import("fetch.zig");
const messages = @import("message.zig");
const safety = @import("safety.zig");
const Node = @import("node.zig").Node;
const Outcome = @import("outcome.zig").Outcome;

/// Signs and sends the vote that `node.voted` names.
pub fn cast(node: *Node, out: *sdk.Out) void {
    send(node, node.leader(node.voted.view + 1), out);
}

/// Sends the same vote again, to the leader after the present view.
pub fn recast(node: *Node, out: *sdk.Out) void {
    if (node.voted.view > node.high.view) send(node, node.leader(node.view + 1), out);
}

fn send(node: *Node, receiver: u16, out: *sdk.Out) void {
    var vote = messages.Vote{
        .view = node.voted.view,
        .signer = node.setup.replica,
        .block = &node.voted.block,
        .signature = undefined,
    };
    const signature = node.keys.sign(vote.statement());
    vote.signature = signature.slice();
    if (receiver == node.setup.replica) {
        _ = count(node, vote);
        return;
    }
    var buffer: messages.Message.Buffer = undefined;
    const message = messages.Message{ .vote = vote };
    out.send(receiver, message.write(node.setup.scheme, &buffer));
}

pub fn receive(node: *Node, sender: u16, vote: messages.Vote, out: *sdk.Out) Outcome {
    if (vote.signer != sender) return .wrong_sender;
    if (isStale(node, vote)) return .stale_vote;
    if (!node.keys.verify(sender, vote.statement(), vote.signature)) return .bad_signature;
    const outcome = count(node, vote);
    if (outcome == .quorum_formed) fetch.highBlock(node, sender, out);
    return outcome;
}

fn isStale(node: *const Node, vote: messages.Vote) bool {
    return vote.view <= node.high.view or vote.view < node.votes.rows[vote.signer].view;
}

fn count(node: *Node, vote: messages.Vote) Outcome {
    if (isStale(node, vote)) return .stale_vote;
    const row = &node.votes.rows[vote.signer];
    if (row.view == vote.view) {
        return if (std.mem.eql(u8, &row.block, vote.block)) .duplicate_vote else .conflicting_vote;
    }
    node.votes.put(vote.signer, vote.view, vote.block, vote.signature);
    if (node.votes.count(vote.view, vote.block) < node.quorum()) return .vote_counted;
    var gathering = certificates.Gathering{};
    safety.learn(node, node.votes.gather(node.quorum(), node.setup.scheme, vote.view, vote.block, &gathering));
    return .quorum_formed;
}
