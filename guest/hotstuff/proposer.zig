//! The leader's part: one block a view, on the newest certificate.

const sdk = @import("sdk");
const blocks = @import("block.zig");
const limits = @import("limits.zig");
const messages = @import("message.zig");
const proposals = @import("proposals.zig");
const trees = @import("tree.zig");
const Node = @import("node.zig").Node;

/// A view that was given up gets no proposal. Nor does one that was joined without a certificate, or that
/// is past counting: the others would not follow.
pub fn isDue(node: *const Node) bool {
    return node.leads(node.view) and node.proposed_view < node.view and !node.timed_out and
        node.view < limits.view_max and
        (node.high.view + 1 == node.view or node.last_timeout.view + 1 == node.view) and
        node.highBlock() != null;
}

/// Must be due.
pub fn propose(node: *Node, out: *sdk.Out) void {
    node.proposed_view = node.view;
    const parent = node.highBlock().?;
    var commands: [blocks.commands_size_max]u8 = undefined;
    var buffer: [blocks.size_max]u8 = undefined;
    const encoded = blocks.Encoded.write(.{
        .view = node.view,
        .height = node.tree.entries[parent].height + 1,
        .proposer = node.setup.replica,
        .parent = &node.high.block,
        .justify = node.highCertificate(),
        .commands = choose(node, parent, &commands),
    }, &buffer);
    const hash = encoded.hash();
    const slot = node.tree.insert(encoded, &hash, .open, &node.high.block) orelse return;
    announce(node, encoded, &hash, out);
    _ = proposals.connected(node, slot, out);
}

fn announce(node: *const Node, encoded: blocks.Encoded, hash: *const [32]u8, out: *sdk.Out) void {
    var proposal = messages.Proposal{
        .encoded = encoded,
        .timeout = node.timeoutCertificate(),
        .signature = undefined,
    };
    const signature = node.keys.sign(proposal.statement(hash));
    proposal.signature = signature.slice();
    var buffer: messages.Message.Buffer = undefined;
    const message = messages.Message{ .proposal = proposal };
    out.broadcast(message.write(node.setup.scheme, &buffer));
}

/// The first commands of the queue that no block from `parent` down to the head has.
fn choose(node: *const Node, parent: trees.Slot, buffer: *[blocks.commands_size_max]u8) blocks.Commands {
    var writer = sdk.Writer.init(buffer);
    writer.int(u8, 0);
    for (0..node.queue.count) |place| {
        if (buffer[0] == node.setup.batch) break;
        const command = node.queue.at(@intCast(place));
        if (isInChain(node, parent, command)) continue;
        command.write(&writer);
        buffer[0] += 1;
    }
    return .{ .encoded = writer.written() };
}

fn isInChain(node: *const Node, from: trees.Slot, command: blocks.Command) bool {
    var at: ?trees.Slot = from;
    while (at) |slot| : (at = node.tree.parentOf(slot)) {
        if (node.tree.entries[slot].status == .committed) return false;
        var commands = node.tree.commands(slot).iterate();
        while (commands.next()) |other| if (command.same(other)) return true;
    }
    return false;
}
