//! A fast 256-bit hash for states. Not cryptographic: it must miss no difference, not resist one.
//!
//! Four 64-bit lanes take the words in turn. A step is a bijection of the lanes for each word, and
//! of the word for each state of the lanes, so that two rows that differ in one word never collide.
//! All is u64 and little-endian: every build gives the same hash.

const std = @import("std");

const multiplier = 0x9e3779b97f4a7c15;

pub const Hash = struct {
    lanes: [4]u64 = start,
    words: u64 = 0,

    /// The first digits of pi: anything but zeros, which words of zero would not move.
    const start = [4]u64{
        0x243f6a8885a308d3,
        0x13198a2e03707344,
        0xa4093822299f31d0,
        0x082efa98ec4e6c89,
    };

    /// A hash of all `values` in a row, as by `add`.
    pub fn of(values: anytype) [32]u8 {
        var hash = Hash{};
        inline for (values) |value| hash.add(value);
        return hash.final();
    }

    /// Adds an integer, a boolean, an enum, a `Sum`, an array of bytes (by pointer or value), or a
    /// slice of bytes with its length.
    pub fn add(hash: *Hash, value: anytype) void {
        const T = @TypeOf(value);
        switch (@typeInfo(T)) {
            .int => {
                if (T == usize or T == isize) @compileError("usize differs between builds");
                hash.word(value);
            },
            .comptime_int => hash.word(value),
            .bool => hash.word(@intFromBool(value)),
            .@"enum" => hash.word(@intFromEnum(value)),
            .array => hash.fixed(&value),
            .pointer => |p| if (p.size == .slice) hash.bytes(value) else hash.fixed(value),
            else => switch (T) {
                Sum => for (value.lanes) |lane| hash.word(lane),
                else => @compileError("cannot hash " ++ @typeName(T)),
            },
        }
    }

    pub fn word(hash: *Hash, value: u64) void {
        const lane = mix(hash.lanes[0] ^ value);
        hash.lanes = .{ hash.lanes[1], hash.lanes[2], hash.lanes[3], lane };
        hash.words +%= 1;
    }

    /// The length and then the bytes, so that a row of slices is unambiguous.
    pub fn bytes(hash: *Hash, value: []const u8) void {
        hash.word(value.len);
        hash.fixed(value);
    }

    /// Bytes whose number the reader knows.
    fn fixed(hash: *Hash, value: []const u8) void {
        var left = value;
        while (left.len >= 8) : (left = left[8..]) hash.word(wordAt(left, 0));
        if (left.len == 0) return;
        var last: [8]u8 = @splat(0);
        @memcpy(last[0..left.len], left);
        hash.word(wordAt(&last, 0));
    }

    /// Lets every lane see every other, twice over.
    pub fn final(hash: Hash) [32]u8 {
        var done = hash;
        done.word(hash.words);
        for (0..12) |_| done.word(done.lanes[3]);
        var result: [32]u8 = undefined;
        for (done.lanes, 0..) |lane, i| {
            std.mem.writeInt(u64, result[8 * i ..][0..8], lane, .little);
        }
        return result;
    }
};

/// A set as the sum of its entries' hashes: the order of adding and removing leaves no mark.
pub const Sum = struct {
    lanes: [4]u64 = @splat(0),

    pub fn add(sum: *Sum, entry: *const [32]u8) void {
        for (&sum.lanes, 0..) |*lane, i| lane.* +%= wordAt(entry, 8 * i);
    }

    pub fn remove(sum: *Sum, entry: *const [32]u8) void {
        for (&sum.lanes, 0..) |*lane, i| lane.* -%= wordAt(entry, 8 * i);
    }
};

fn wordAt(bytes: []const u8, at: usize) u64 {
    return std.mem.readInt(u64, bytes[at..][0..8], .little);
}

fn mix(value: u64) u64 {
    const product = value *% multiplier;
    return product ^ (product >> 29);
}

test "every bit of every byte of a row matters" {
    var seen = std.AutoHashMap([32]u8, void).init(std.testing.allocator);
    defer seen.deinit();
    var bytes: [75]u8 = @splat(0);
    try seen.put(Hash.of(.{&bytes}), {});
    for (0..8 * bytes.len) |bit| {
        bytes[bit / 8] ^= @as(u8, 1) << @intCast(bit % 8);
        try std.testing.expect(!(try seen.getOrPut(Hash.of(.{&bytes}))).found_existing);
        bytes[bit / 8] ^= @as(u8, 1) << @intCast(bit % 8);
    }
}

test "half of all bits change with one bit of input" {
    var changed: u32 = 0;
    for (0..64) |bit| {
        const one = Hash.of(.{ @as(u64, 0), @as(u64, 1) << @intCast(bit) });
        for (one, Hash.of(.{ @as(u64, 0), @as(u64, 0) })) |a, b| changed += @popCount(a ^ b);
    }
    try std.testing.expect(changed > 64 * 120 and changed < 64 * 136);
}

test "where a slice ends matters, and so do trailing zeros" {
    const rows = [_][32]u8{
        Hash.of(.{ slice("ab"), slice("c") }),
        Hash.of(.{ slice("a"), slice("bc") }),
        Hash.of(.{ slice("abc"), slice("") }),
        Hash.of(.{slice("abc")}),
        Hash.of(.{slice("abc\x00")}),
    };
    for (rows, 0..) |row, i| {
        for (rows[i + 1 ..]) |other| try std.testing.expect(!std.meta.eql(row, other));
    }
}

fn slice(bytes: []const u8) []const u8 {
    return bytes;
}

test "a sum forgets the order and what was removed" {
    const entries = [_][32]u8{ Hash.of(.{1}), Hash.of(.{2}), Hash.of(.{3}) };
    var one = Sum{};
    for (entries) |entry| one.add(&entry);
    var other = Sum{};
    for ([_]u8{ 2, 0, 1, 1 }) |at| other.add(&entries[at]);
    try std.testing.expect(!std.meta.eql(one, other));
    other.remove(&entries[1]);
    try std.testing.expectEqual(one, other);
    try std.testing.expectEqual(Hash.of(.{one}), Hash.of(.{other}));
}
