//! The blocks that a node keeps: the newest of the committed chain, what was built on its head, and blocks
//! whose parent is missing.
//!
//! Every open block leads to the head of the committed chain by blocks of this table.

const std = @import("std");
const sdk = @import("sdk");
const blocks = @import("block.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");

const Hash = keys.Hash;
const Encoded = blocks.Encoded;

pub const Slot = u8;
pub const Status = enum(u8) { free, pending, open, committed };

pub const Entry = struct {
    hash: Hash,
    parent: Hash,
    view: u64,
    height: u64,
    /// Of the encoding, as it lies in `bodies`.
    digest: [32]u8,
    size: u16,
    commands_at: u16,
    status: Status,

    /// Its parent is known, and that one's, down to the committed chain.
    pub fn connected(entry: *const Entry) bool {
        return entry.status == .open or entry.status == .committed;
    }

    noinline fn mark(entry: *const Entry) [32]u8 {
        return sdk.Hash.of(.{ entry.status, &entry.hash, &entry.digest });
    }
};

pub const Tree = struct {
    entries: [limits.blocks_max]Entry,
    bodies: [limits.blocks_max][blocks.size_max]u8,
    /// The last committed block.
    head: Slot,
    sum: sdk.Sum,

    pub fn find(tree: *const Tree, hash: *const Hash) ?Slot {
        for (&tree.entries, 0..) |*entry, slot| {
            if (entry.status != .free and std.mem.eql(u8, &entry.hash, hash)) return @intCast(slot);
        }
        return null;
    }

    pub fn findConnected(tree: *const Tree, hash: *const Hash) ?Slot {
        const slot = tree.find(hash) orelse return null;
        return if (tree.entries[slot].connected()) slot else null;
    }

    pub fn parentOf(tree: *const Tree, slot: Slot) ?Slot {
        return tree.findConnected(&tree.entries[slot].parent);
    }

    pub fn encoded(tree: *const Tree, slot: Slot) []const u8 {
        return tree.bodies[slot][0..tree.entries[slot].size];
    }

    pub fn block(tree: *const Tree, slot: Slot, scheme: keys.Scheme) blocks.Block {
        var reader = sdk.Reader.init(tree.encoded(slot));
        return blocks.Block.parse(&reader, scheme) catch unreachable;
    }

    pub fn commands(tree: *const Tree, slot: Slot) blocks.Commands {
        return .{ .encoded = tree.encoded(slot)[tree.entries[slot].commands_at..] };
    }

    /// Whether `slot` is `ancestor` or was built on it.
    pub fn extends(tree: *const Tree, slot: Slot, ancestor: *const Hash) bool {
        var at: ?Slot = slot;
        while (at) |found| : (at = tree.parentOf(found)) {
            if (std.mem.eql(u8, &tree.entries[found].hash, ancestor)) return true;
        }
        return false;
    }

    pub fn countOfView(tree: *const Tree, view: u64) u32 {
        var count: u32 = 0;
        for (&tree.entries) |*entry| count += @intFromBool(entry.status != .free and entry.view == view);
        return count;
    }

    /// The first missing block on the way from `hash` down.
    pub fn missingFrom(tree: *const Tree, hash: *const Hash) *const Hash {
        var at = hash;
        while (tree.find(at)) |slot| at = &tree.entries[slot].parent;
        return at;
    }

    /// A pending block whose parent is connected by now.
    pub fn nextConnectable(tree: *const Tree) ?Slot {
        for (&tree.entries, 0..) |*entry, slot| {
            if (entry.status == .pending and tree.findConnected(&entry.parent) != null) return @intCast(slot);
        }
        return null;
    }

    /// Whether a pending block waits for block `hash`.
    pub fn isAwaited(tree: *const Tree, hash: *const Hash) bool {
        for (&tree.entries) |*entry| {
            if (entry.status == .pending and std.mem.eql(u8, &entry.parent, hash)) return true;
        }
        return false;
    }

    /// Null when there is no room, though the oldest block that nothing needs gave way.
    pub fn insert(tree: *Tree, found: Encoded, hash: *const Hash, status: Status, kept: *const Hash) ?Slot {
        const slot = tree.room(found.block, kept) orelse return null;
        const entry = &tree.entries[slot];
        @memcpy(tree.bodies[slot][0..found.bytes.len], found.bytes);
        entry.* = .{
            .hash = hash.*,
            .parent = found.block.parent.*,
            .view = found.block.view,
            .height = found.block.height,
            .digest = undefined,
            .size = @intCast(found.bytes.len),
            .commands_at = @intCast(found.bytes.len - found.block.commands.encoded.len),
            .status = status,
        };
        entry.digest = tree.digestOf(slot);
        tree.sum.add(&entry.mark());
        return slot;
    }

    pub fn setStatus(tree: *Tree, slot: Slot, status: Status) void {
        const entry = &tree.entries[slot];
        tree.sum.remove(&entry.mark());
        entry.status = status;
        if (status != .free) tree.sum.add(&entry.mark());
    }

    /// Forgets what can no longer be committed: open blocks that are not built on the head, and pending
    /// ones that are not above it.
    pub fn prune(tree: *Tree) void {
        const head = tree.entries[tree.head];
        for (&tree.entries, 0..) |*entry, at| {
            const slot: Slot = @intCast(at);
            const dead = switch (entry.status) {
                .free, .committed => false,
                .pending => entry.view <= head.view,
                .open => !tree.extends(slot, &head.hash),
            };
            if (dead) tree.setStatus(slot, .free);
        }
    }

    /// A free slot; else that of the oldest committed block but the head; else that of the lowest view
    /// among blocks that have no child, are neither `kept` nor the parent of `coming`, and are older than it.
    fn room(tree: *Tree, coming: blocks.Block, kept: *const Hash) ?Slot {
        const slot = tree.lowest(.free, null, kept, coming) orelse
            tree.lowest(.committed, tree.head, kept, coming) orelse
            tree.lowest(.pending, null, kept, coming) orelse
            tree.lowest(.open, null, kept, coming) orelse return null;
        if (tree.entries[slot].status != .free) tree.setStatus(slot, .free);
        return slot;
    }

    fn lowest(tree: *const Tree, status: Status, but: ?Slot, kept: *const Hash, coming: blocks.Block) ?Slot {
        var found: ?Slot = null;
        for (&tree.entries, 0..) |*entry, at| {
            const slot: Slot = @intCast(at);
            if (entry.status != status or slot == but) continue;
            if (status == .free) return slot;
            if (found) |best| if (entry.view >= tree.entries[best].view) continue;
            if (status != .committed and !tree.mayGive(entry, kept, coming)) continue;
            found = slot;
        }
        return found;
    }

    fn mayGive(tree: *const Tree, entry: *const Entry, kept: *const Hash, coming: blocks.Block) bool {
        return entry.view < coming.view and !tree.hasChild(&entry.hash) and
            !std.mem.eql(u8, &entry.hash, kept) and !std.mem.eql(u8, &entry.hash, coming.parent);
    }

    fn hasChild(tree: *const Tree, hash: *const Hash) bool {
        for (&tree.entries) |*entry| {
            if (entry.status != .free and std.mem.eql(u8, &entry.parent, hash)) return true;
        }
        return false;
    }

    /// The slot after `slot` by view and hash; the first one after null.
    pub fn nextInOrder(tree: *const Tree, slot: ?Slot) ?Slot {
        var found: ?Slot = null;
        for (&tree.entries, 0..) |*entry, at| {
            if (entry.status == .free) continue;
            if (slot) |last| if (!isBefore(&tree.entries[last], entry)) continue;
            if (found) |best| if (isBefore(&tree.entries[best], entry)) continue;
            found = @intCast(at);
        }
        return found;
    }

    noinline fn digestOf(tree: *const Tree, slot: Slot) [32]u8 {
        return sdk.Hash.of(.{tree.encoded(slot)});
    }

    /// What `sum` must be, from the blocks themselves.
    pub fn sumFromScratch(tree: *const Tree) sdk.Sum {
        var sum = sdk.Sum{};
        for (&tree.entries, 0..) |*entry, slot| {
            if (entry.status == .free) continue;
            std.debug.assert(std.mem.eql(u8, &entry.digest, &tree.digestOf(@intCast(slot))));
            sum.add(&entry.mark());
        }
        return sum;
    }
};

fn isBefore(a: *const Entry, b: *const Entry) bool {
    return a.view < b.view or a.view == b.view and std.mem.lessThan(u8, &a.hash, &b.hash);
}
