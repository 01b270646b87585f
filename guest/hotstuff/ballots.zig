//! The newest vote and the newest timeout of each replica. One row a replica bounds both tables, however far
//! ahead a view is: a faulty replica can only replace what is its own.

const std = @import("std");
const sdk = @import("sdk");
const certificates = @import("certificate.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");

const Gathering = certificates.Gathering;
const Hash = keys.Hash;

pub const Row = struct {
    /// 0 while the replica sent none.
    view: u64,
    block: Hash,
    signature: [keys.signature_max]u8,

    noinline fn mark(row: *const Row, signer: u16) [32]u8 {
        return sdk.Hash.of(.{ signer, row.view, &row.block, &row.signature });
    }

    fn isFor(row: *const Row, view: u64, block: *const Hash) bool {
        return row.view == view and std.mem.eql(u8, &row.block, block);
    }
};

pub const Ballots = struct {
    rows: [limits.replicas_max]Row,
    sum: sdk.Sum,

    pub fn put(ballots: *Ballots, signer: u16, view: u64, block: *const Hash, signature: []const u8) void {
        const row = &ballots.rows[signer];
        if (row.view != 0) ballots.sum.remove(&row.mark(signer));
        row.view = view;
        row.block = block.*;
        @memcpy(row.signature[0..signature.len], signature);
        ballots.sum.add(&row.mark(signer));
    }

    pub fn count(ballots: *const Ballots, view: u64, block: *const Hash) u16 {
        var found: u16 = 0;
        for (&ballots.rows) |*row| found += @intFromBool(row.isFor(view, block));
        return found;
    }

    /// The first `quorum` signatures for `block` in `view`; there must be as many.
    pub fn gather(
        ballots: *const Ballots,
        quorum: u16,
        scheme: keys.Scheme,
        view: u64,
        block: *const Hash,
        gathering: *Gathering,
    ) certificates.Certificate {
        var left = quorum;
        for (&ballots.rows, 0..) |*row, signer| {
            if (left == 0) break;
            if (!row.isFor(view, block)) continue;
            gathering.add(@intCast(signer), row.signature[0..scheme.signatureSize()]);
            left -= 1;
        }
        return gathering.certificate(scheme, view, block);
    }

    /// The highest view that `number` replicas have reached; 0 when fewer have reached any.
    pub fn reachedBy(ballots: *const Ballots, number: u16) u64 {
        var best: u64 = 0;
        for (&ballots.rows) |*row| {
            if (row.view > best and ballots.countFrom(row.view) >= number) best = row.view;
        }
        return best;
    }

    fn countFrom(ballots: *const Ballots, view: u64) u16 {
        var found: u16 = 0;
        for (&ballots.rows) |*row| found += @intFromBool(row.view >= view);
        return found;
    }

    pub fn sumFromScratch(ballots: *const Ballots) sdk.Sum {
        var sum = sdk.Sum{};
        for (&ballots.rows, 0..) |*row, signer| if (row.view != 0) sum.add(&row.mark(@intCast(signer)));
        return sum;
    }
};
