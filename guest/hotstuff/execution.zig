//! What becomes of final blocks: their commands are executed, each once, in the order of the chain.

const sdk = @import("sdk");
const blocks = @import("block.zig");
const limits = @import("limits.zig");
const Node = @import("node.zig").Node;
const Outcome = @import("outcome.zig").Outcome;
const Slot = @import("tree.zig").Slot;

pub fn enqueue(node: *Node, command: blocks.Command) Outcome {
    if (node.clients.isOver(command.client, command.sequence)) return .command_executed;
    if (node.queue.holds(command)) return .duplicate_command;
    if (node.queue.isFull() or !node.clients.hasRoomFor(command.client)) return .table_full;
    node.queue.put(command);
    return .command_queued;
}

/// Makes the block final, and what lies between it and the last one that is.
pub fn commit(node: *Node, slot: Slot, out: *sdk.Out) void {
    var path: [limits.blocks_max]Slot = undefined;
    var length: u32 = 0;
    var at: ?Slot = slot;
    while (at) |found| : (at = node.tree.parentOf(found)) {
        if (node.tree.entries[found].status == .committed) break;
        path[length] = found;
        length += 1;
    }
    if (length == 0) return;
    while (length > 0) : (length -= 1) finish(node, path[length - 1], out);
    node.tree.prune();
}

fn finish(node: *Node, slot: Slot, out: *sdk.Out) void {
    node.tree.setStatus(slot, .committed);
    node.tree.head = slot;
    var executed: [limits.commands_max]blocks.Command = undefined;
    var count: u32 = 0;
    var commands = node.tree.commands(slot).iterate();
    while (commands.next()) |command| {
        node.queue.remove(command);
        if (!node.clients.admit(command.client, command.sequence)) continue;
        sdk.apply(&node.application, command.data);
        executed[count] = command;
        count += 1;
    }
    if (count > 0) node.application_hash = hashApplication(node);
    report(node, executed[0..count], out);
}

fn report(node: *const Node, executed: []const blocks.Command, out: *sdk.Out) void {
    const head = node.head();
    out.commit(head.height, &head.hash, &node.application_hash);
    for (executed) |command| out.commitCommand(command.client, command.sequence, command.data);
}

pub noinline fn hashApplication(node: *const Node) [32]u8 {
    return sdk.Hash.of(.{&node.application});
}
