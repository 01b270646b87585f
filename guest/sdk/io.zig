//! All memory that may depend on how reads were cut, on pages of its own: no digest covers it.

const std = @import("std");
const Out = @import("out.zig").Out;
const system = @import("system.zig");

pub const page_size = 64 << 10;

const Io = struct {
    input: [page_size]u8,
    /// What was read and not yet consumed is `input[at..end]`.
    at: u32,
    end: u32,
    size: [4]u8,
    out: Out,
};

const page_count = (@sizeOf(Io) + page_size - 1) / page_size;
var pages: [page_count * page_size]u8 align(page_size) = @splat(0);
const io: *Io = @ptrCast(&pages);

pub const out: *Out = &io.out;

/// Whether `page`, a page number of linear memory, is one of these.
pub fn owns(page: u32) bool {
    const first = @intFromPtr(&pages) / page_size;
    return page >= first and page < first + page_count;
}

const Fill = enum { full, ended, cut };

/// Fills `into` from stdin: `ended` when there was nothing left, `cut` when there was too little.
pub fn fill(into: []u8) Fill {
    var done: u32 = 0;
    while (done < into.len) {
        if (io.at == io.end and !refill()) return if (done == 0) .ended else .cut;
        const count = @min(io.end - io.at, into.len - done);
        @memcpy(into[done..][0..count], io.input[io.at..][0..count]);
        io.at += @intCast(count);
        done += @intCast(count);
    }
    return .full;
}

/// The size of the next event, or null at the end of input.
pub fn nextSize() error{Cut}!?u32 {
    return switch (fill(&io.size)) {
        .full => std.mem.readInt(u32, &io.size, .little),
        .ended => null,
        .cut => error.Cut,
    };
}

/// Reads on. The input holds no complete event now, so everybody hears the answers first.
fn refill() bool {
    out.flush();
    io.at = 0;
    io.end = system.read(&io.input);
    return io.end != 0;
}
