//! The numbers of protocol version 1, and bounded reading and writing of little-endian bytes.

const std = @import("std");

pub const protocol_version = 1;
pub const event_size_max = 1 << 20;
pub const event_size_min = 3;
pub const state_hash_size = 32;

pub const Kind = enum(u8) {
    init = 1,
    deliver = 2,
    timeout = 3,
    command = 4,
    forge = 5,
    inspect = 6,
    digest = 7,
    decode = 8,
    describe = 9,
    _,

    /// A question changes no state, so it may be asked again.
    pub fn isQuestion(kind: Kind) bool {
        return switch (kind) {
            .forge, .inspect, .digest, .decode, .describe => true,
            else => false,
        };
    }
};

/// The outcomes that every guest shares; an algorithm's own start at 16.
pub const Outcome = enum(u16) { ok = 0, malformed = 1, unknown_node = 2, unsupported = 3 };

pub const Malformed = error{Malformed};

pub const Event = struct {
    node: u16,
    kind: Kind,
    body: []const u8,

    /// `bytes` is what follows the size, at least `event_size_min` of it.
    pub fn parse(bytes: []const u8) Event {
        return .{
            .node = std.mem.readInt(u16, bytes[0..2], .little),
            .kind = @enumFromInt(bytes[2]),
            .body = bytes[3..],
        };
    }
};

/// The body of `init`.
pub const Init = struct {
    replica: u16,
    n: u16,
    seed: u64,
    /// The leaders of the first views, a u16 each; after them, round robin.
    schedule: []const u8,
    options: []const u8,

    pub fn parse(body: []const u8) Malformed!Init {
        var reader = Reader{ .bytes = body };
        const found = Init{
            .replica = try reader.int(u16),
            .n = try reader.int(u16),
            .seed = try reader.int(u64),
            .schedule = try reader.take(2 * @as(u32, try reader.int(u16))),
            .options = try reader.take(try reader.int(u32)),
        };
        try reader.end();
        for (0..found.scheduled()) |at| {
            if (found.leader(@intCast(at)) >= found.n) return error.Malformed;
        }
        return if (found.replica < found.n) found else error.Malformed;
    }

    /// How many leaders the schedule names.
    pub fn scheduled(init: Init) u32 {
        return @intCast(init.schedule.len / 2);
    }

    /// The leader that the schedule names at `at`, which is below `scheduled()`.
    pub fn leader(init: Init, at: u32) u16 {
        return std.mem.readInt(u16, init.schedule[2 * at ..][0..2], .little);
    }
};

/// Reads from the front of `bytes`; what is too short is `error.Malformed`.
pub const Reader = struct {
    bytes: []const u8,

    pub fn init(bytes: []const u8) Reader {
        return .{ .bytes = bytes };
    }

    pub fn take(reader: *Reader, len: u32) Malformed![]const u8 {
        if (len > reader.bytes.len) return error.Malformed;
        defer reader.bytes = reader.bytes[len..];
        return reader.bytes[0..len];
    }

    pub fn array(reader: *Reader, comptime len: u32) Malformed![len]u8 {
        return (try reader.take(len))[0..len].*;
    }

    pub fn int(reader: *Reader, comptime T: type) Malformed!T {
        return std.mem.readInt(T, &try reader.array(@sizeOf(T)), .little);
    }

    /// All that is left.
    pub fn rest(reader: *Reader) []const u8 {
        defer reader.bytes = reader.bytes[reader.bytes.len..];
        return reader.bytes;
    }

    /// Nothing may be left.
    pub fn end(reader: *const Reader) Malformed!void {
        if (reader.bytes.len != 0) return error.Malformed;
    }
};

/// Writes to the front of `buffer`, which must be long enough.
pub const Writer = struct {
    buffer: []u8,
    len: u32 = 0,

    pub fn init(buffer: []u8) Writer {
        return .{ .buffer = buffer };
    }

    pub fn put(writer: *Writer, bytes: []const u8) void {
        @memcpy(writer.buffer[writer.len..][0..bytes.len], bytes);
        writer.len += @intCast(bytes.len);
    }

    pub fn int(writer: *Writer, comptime T: type, value: T) void {
        writer.put(&littleEndian(T, value));
    }

    /// What was written so far.
    pub fn written(writer: *const Writer) []u8 {
        return writer.buffer[0..writer.len];
    }
};

pub fn littleEndian(comptime T: type, value: T) [@sizeOf(T)]u8 {
    var bytes: [@sizeOf(T)]u8 = undefined;
    std.mem.writeInt(T, &bytes, value, .little);
    return bytes;
}

test "a reader gives what a writer wrote, and nothing beyond" {
    var buffer: [32]u8 = undefined;
    var writer = Writer.init(&buffer);
    writer.int(u16, 0x1234);
    writer.int(u64, 0xfedcba9876543210);
    writer.put("abc");
    var reader = Reader.init(writer.written());
    try std.testing.expectEqual(0x1234, try reader.int(u16));
    try std.testing.expectEqual(0xfedcba9876543210, try reader.int(u64));
    try std.testing.expectError(error.Malformed, reader.int(u32));
    try std.testing.expectError(error.Malformed, reader.end());
    try std.testing.expectEqualStrings("ab", &try reader.array(2));
    try std.testing.expectEqualStrings("c", reader.rest());
    try reader.end();
    try std.testing.expectError(error.Malformed, reader.take(std.math.maxInt(u32)));
}

test "an init is checked against itself" {
    const head = "\x01\x00\x03\x00\x07\x00\x00\x00\x00\x00\x00\x00";
    const good = head ++ "\x02\x00\x02\x00\x01\x00" ++ "\x01\x00\x00\x00x";
    const found = try Init.parse(good);
    try std.testing.expectEqual(2, found.scheduled());
    try std.testing.expectEqual(2, found.leader(0));
    try std.testing.expectEqualStrings("x", found.options);
    for (0..good.len) |len| try std.testing.expectError(error.Malformed, Init.parse(good[0..len]));
    for ([_]u8{ 0, 14, 16 }) |at| {
        var bad = good.*;
        bad[at] = 3;
        try std.testing.expectError(error.Malformed, Init.parse(&bad));
    }
    try std.testing.expectError(error.Malformed, Init.parse(good ++ "x"));
}
