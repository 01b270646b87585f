//! The default application: a small key-value store of u64 keys and values.
//!
//! State: slots of u64 key | u64 value, open addressing; a slot is free while both are 0.
//! Command: u8 operation | u64 key | u64 value, where a short command reads as if zeros followed.

const std = @import("std");

pub const panic = std.debug.no_panic;

const Operation = enum(u2) { put, add, remove, mix };
const Slot = [16]u8;

export fn lockstep_apply(
    state: [*]u8,
    state_len: u32,
    command: [*]const u8,
    command_len: u32,
) void {
    const slots: []Slot = @as([*]Slot, @ptrCast(state))[0 .. state_len / @sizeOf(Slot)];
    if (slots.len == 0 or command_len == 0) return;
    var text: [17]u8 = @splat(0);
    const len = @min(command_len, text.len);
    @memcpy(text[0..len], command[0..len]);
    execute(slots, @enumFromInt(text[0] & 3), word(text[1..9]), word(text[9..17]));
}

fn execute(slots: []Slot, operation: Operation, key: u64, operand: u64) void {
    const slot = find(slots, key) orelse return;
    const old = word(slot[8..16]);
    const new = switch (operation) {
        .put => operand,
        .add => old +% operand,
        .remove => 0,
        .mix => old ^ std.math.rotl(u64, operand, @as(u6, @truncate(key))),
    };
    std.mem.writeInt(u64, slot[0..8], key, .little);
    std.mem.writeInt(u64, slot[8..16], new, .little);
}

/// The slot of `key`, or a free one; none when the table is full. Removed keys keep their slot.
fn find(slots: []Slot, key: u64) ?*Slot {
    const start = (key *% 0x9e3779b97f4a7c15) >> 32;
    for (0..slots.len) |step| {
        const slot = &slots[@intCast((start + step) % slots.len)];
        const held = word(slot[0..8]);
        if (held == key or held == 0 and word(slot[8..16]) == 0) return slot;
    }
    return null;
}

fn word(bytes: *const [8]u8) u64 {
    return std.mem.readInt(u64, bytes, .little);
}

fn run(state: []u8, operation: Operation, key: u64, value: u64) u64 {
    var text: [17]u8 = undefined;
    text[0] = @intFromEnum(operation);
    std.mem.writeInt(u64, text[1..9], key, .little);
    std.mem.writeInt(u64, text[9..17], value, .little);
    lockstep_apply(state.ptr, @intCast(state.len), &text, text.len);
    const slots: []Slot = @as([*]Slot, @ptrCast(state.ptr))[0 .. state.len / @sizeOf(Slot)];
    return if (find(slots, key)) |slot| word(slot[8..16]) else 0;
}

test "what was put is found, changed and removed" {
    var state: [1024]u8 = @splat(0);
    try std.testing.expectEqual(7, run(&state, .put, 1, 7));
    try std.testing.expectEqual(5, run(&state, .put, 0, 5));
    try std.testing.expectEqual(9, run(&state, .add, 1, 2));
    try std.testing.expectEqual(9 ^ (3 << 1), run(&state, .mix, 1, 3));
    try std.testing.expectEqual(0, run(&state, .remove, 1, 0));
    try std.testing.expectEqual(6, run(&state, .add, 0, 1));
}

test "a full table keeps what it has" {
    var state: [64]u8 = @splat(0);
    for (1..6) |key| _ = run(&state, .put, key, 10 * key);
    for (1..5) |key| try std.testing.expectEqual(10 * key, run(&state, .add, key, 0));
    try std.testing.expectEqual(0, run(&state, .add, 5, 0));
}

test "no command and no state are no accident" {
    var state: [24]u8 = @splat(1);
    lockstep_apply(&state, 8, "\x00", 1);
    lockstep_apply(&state, 24, "", 0);
    try std.testing.expectEqual(@as([24]u8, @splat(1)), state);
}
