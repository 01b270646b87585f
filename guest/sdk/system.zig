//! The three things a guest asks of the world: read stdin, write stdout, exit.

const std = @import("std");
const builtin = @import("builtin");

pub const is_wasm = builtin.cpu.arch.isWasm();

/// Says that the world failed: a read or a write was refused (EX_IOERR of sysexits).
const exit_io = 74;

const wasi = struct {
    extern "wasi_snapshot_preview1" fn fd_read(i32, *const Buffer, count: i32, done: *u32) i32;
    extern "wasi_snapshot_preview1" fn fd_write(i32, *const Buffer, count: i32, done: *u32) i32;
    extern "wasi_snapshot_preview1" fn proc_exit(code: i32) noreturn;

    const Buffer = extern struct {
        at: [*]const u8,
        len: u32,

        fn of(bytes: []const u8) Buffer {
            return .{ .at = bytes.ptr, .len = @intCast(bytes.len) };
        }
    };
};

/// How many bytes came, at most `into.len`; 0 at the end of input.
pub fn read(into: []u8) u32 {
    if (!is_wasm) return @intCast(std.posix.read(0, into) catch exit(exit_io));
    var done: u32 = 0;
    const errno = wasi.fd_read(0, &.of(into), 1, &done);
    if (errno != 0 or done > into.len) exit(exit_io);
    return done;
}

/// Writes all of `bytes`, in as many pieces as it takes.
pub fn write(bytes: []const u8) void {
    var left = bytes;
    while (left.len > 0) left = left[writeSome(left)..];
}

fn writeSome(bytes: []const u8) u32 {
    if (!is_wasm) return @intCast(std.posix.write(1, bytes) catch exit(exit_io));
    var done: u32 = 0;
    const errno = wasi.fd_write(1, &.of(bytes), 1, &done);
    if (errno != 0 or done > bytes.len) exit(exit_io);
    return done;
}

pub fn exit(code: u8) noreturn {
    if (is_wasm) wasi.proc_exit(code);
    std.posix.exit(code);
}
