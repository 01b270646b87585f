//! What lies are made of: the faulty node, the choice among what it knows, and room for what is made up.

const std = @import("std");
const sdk = @import("sdk");
const blocks = @import("block.zig");
const certificates = @import("certificate.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");
const trees = @import("tree.zig");
const Mutation = @import("mutation.zig").Mutation;
const Node = @import("node.zig").Node;

const Certificate = certificates.Certificate;
const Entry = trees.Entry;
const Slot = trees.Slot;

/// How many blocks are thought of first: lies about the present do the most harm.
const newest = 3;

/// How far ahead a view of one's own is looked for.
const later_views_max = 4 * limits.replicas_max;

/// A certificate for another block than before, and that block's height.
pub const Replacement = struct { certificate: Certificate, height: u64 };

pub const Forger = struct {
    node: *const Node,
    mutation: Mutation,
    choice: u64,
    signature: keys.Signature = undefined,
    shares: certificates.Gathering = .{},
    commands: [blocks.commands_size_max]u8 = undefined,
    encoded: [blocks.size_max]u8 = undefined,

    pub fn sign(forger: *Forger, statement: keys.Statement) []const u8 {
        forger.signature = forger.node.keys.sign(statement);
        return forger.signature.slice();
    }

    pub fn encode(forger: *Forger, block: blocks.Block) blocks.Encoded {
        return .write(block, &forger.encoded);
    }

    pub fn moveView(forger: *const Forger, view: u64) ?u64 {
        if (forger.mutation == .view_plus_one) return view + 1;
        return if (view > 0) view - 1 else null;
    }

    pub fn laterView(forger: *const Forger, view: u64) ?u64 {
        for (1..later_views_max) |step| if (forger.node.leads(view + step)) return view + step;
        return null;
    }

    pub fn otherReplica(forger: *const Forger, replica: u16) u16 {
        const n = forger.node.setup.n;
        return @intCast((@as(u64, replica) + 1 + forger.choice % (n - 1)) % n);
    }

    /// One command that no client sent.
    pub fn makeCommands(forger: *Forger) blocks.Commands {
        var writer = sdk.Writer.init(&forger.commands);
        writer.int(u8, 1);
        const data = std.mem.toBytes(std.mem.nativeToLittle(u64, forger.choice));
        const made = blocks.Command{ .client = forger.choice % 4, .sequence = forger.choice % 64, .data = &data };
        made.write(&writer);
        return .{ .encoded = writer.written() };
    }

    pub fn repeatCommands(forger: *const Forger) ?blocks.Commands {
        const slot = forger.pick({}, hasCommands) orelse return null;
        return forger.node.tree.commands(slot);
    }

    pub fn otherBlock(forger: *const Forger, hash: *const keys.Hash) ?*const Entry {
        const slot = forger.pick(hash, isOther) orelse return null;
        return &forger.node.tree.entries[slot];
    }

    /// A certificate without its last signer, or with a wrong signature; null if it has none.
    pub fn spoil(forger: *Forger, certificate: Certificate) ?Certificate {
        if (certificate.shares.len == 0) return null;
        if (forger.mutation == .damaged_certificate) return forger.damage(certificate);
        var less = certificate;
        less.shares.len -= certificates.shareSize(certificate.scheme);
        return less;
    }

    fn damage(forger: *Forger, certificate: Certificate) Certificate {
        const at = forger.choice % certificate.count();
        for (0..certificate.count()) |place| {
            const share = certificate.share(@intCast(place));
            forger.shares.add(share.signer, share.signature);
            if (place == at) forger.shares.bytes[forger.shares.size - 1] ^= 1;
        }
        return forger.shares.certificate(certificate.scheme, certificate.view, certificate.block);
    }

    /// A certificate that can stand in for `old` below `view`.
    pub fn replace(forger: *Forger, old: Certificate, view: u64) ?Replacement {
        return switch (forger.mutation) {
            .stale_certificate => forger.justifyOf(forger.pick(old.view, isStale)),
            .raised_certificate_view => forger.raise(view),
            else => forger.makeUp(view),
        };
    }

    fn justifyOf(forger: *const Forger, slot: ?Slot) ?Replacement {
        const block = forger.node.tree.block(slot orelse return null, forger.node.setup.scheme);
        return .{ .certificate = block.justify, .height = block.height - 1 };
    }

    fn raise(forger: *const Forger, view: u64) ?Replacement {
        var found = forger.justifyOf(forger.pick(view -| 1, isStale)) orelse return null;
        found.certificate.view = view - 1;
        return found;
    }

    /// The block is one that has no certificate, if there is any below `view`.
    fn makeUp(forger: *Forger, view: u64) ?Replacement {
        const slot = forger.pick(view, isUncertified) orelse forger.pick(view, isBelow) orelse return null;
        const entry = &forger.node.tree.entries[slot];
        const own = forger.node.keys.sign(.{ .domain = .vote, .view = entry.view, .block = &entry.hash });
        for (0..forger.node.quorum()) |_| forger.shares.add(forger.node.setup.replica, own.slice());
        const made = forger.shares.certificate(forger.node.setup.scheme, entry.view, &entry.hash);
        return .{ .certificate = made, .height = entry.height };
    }

    /// The block that `choice` names among those of which `accepts` holds; even ones, one of the newest.
    fn pick(forger: *const Forger, than: anytype, comptime accepts: fn (*const Node, Slot, @TypeOf(than)) bool) ?Slot {
        var found: [limits.blocks_max]Slot = undefined;
        var count: u32 = 0;
        var after: ?Slot = null;
        while (forger.node.tree.nextInOrder(after)) |slot| : (after = slot) {
            if (!accepts(forger.node, slot, than)) continue;
            found[count] = slot;
            count += 1;
        }
        if (count == 0) return null;
        const among = if (forger.choice % 2 == 0) @min(count, newest) else count;
        return found[count - 1 - @as(u32, @intCast(forger.choice / 2 % among))];
    }
};

fn hasCommands(node: *const Node, slot: Slot, _: void) bool {
    return node.tree.commands(slot).count() > 0;
}

fn isOther(node: *const Node, slot: Slot, hash: *const keys.Hash) bool {
    return !std.mem.eql(u8, &node.tree.entries[slot].hash, hash);
}

/// The first block has no certificate of a block.
fn isStale(node: *const Node, slot: Slot, view: u64) bool {
    return node.tree.entries[slot].height > 0 and node.tree.block(slot, node.setup.scheme).justify.view < view;
}

fn isBelow(node: *const Node, slot: Slot, view: u64) bool {
    return node.tree.entries[slot].view < view;
}

fn isUncertified(node: *const Node, slot: Slot, view: u64) bool {
    const entry = &node.tree.entries[slot];
    if (entry.status != .open or entry.view >= view or std.mem.eql(u8, &entry.hash, &node.high.block)) return false;
    for (&node.tree.entries) |*other| {
        if (other.status != .free and std.mem.eql(u8, &other.parent, &entry.hash)) return false;
    }
    return true;
}
