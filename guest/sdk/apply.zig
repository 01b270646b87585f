//! The application that a guest replicates. It is linked as an object of its own, so that no
//! compiler sees through the call, and its body can be replaced in the finished module.

const std = @import("std");

extern fn lockstep_apply(state: [*]u8, state_len: u32, command: [*]const u8, command_len: u32) void;

const state_max = 1024;

/// Lets the application execute `command` on `state` (at most `state_max` bytes), in place.
pub fn apply(state: []u8, command: []const u8) void {
    std.debug.assert(state.len <= state_max);
    lockstep_apply(state.ptr, @intCast(state.len), command.ptr, @intCast(command.len));
}
