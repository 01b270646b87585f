//! The memory digest: a 64-bit hash of each page, so that a wrong store shows where no message
//! does.

const std = @import("std");
const io = @import("io.zig");
const Out = @import("out.zig").Out;
const system = @import("system.zig");

pub const available = system.is_wasm;

/// The shadow stack lies first, and is one page (`--stack 65536`).
const stack_pages = 1;

/// Reports u32 page count, then a u64 a page: 0 for a page of zeros, and for one left out.
pub fn report(out: *Out) void {
    const count: u32 = @intCast(@wasmMemorySize(0));
    out.beginReport();
    out.int(u32, count);
    for (0..count) |page| out.int(u64, ofPage(@intCast(page)));
    out.endAction();
}

fn ofPage(page: u32) u64 {
    if (page < stack_pages or io.owns(page)) return 0;
    const words: *const [io.page_size / 8]u64 = @ptrFromInt(page * io.page_size);
    return if (isZero(words)) 0 else hash(words);
}

fn isZero(words: *const [io.page_size / 8]u64) bool {
    for (words) |word| if (word != 0) return false;
    return true;
}

/// Four lanes of multiply and xor, each a bijection of its words. Never 0.
fn hash(words: *const [io.page_size / 8]u64) u64 {
    var lanes = [4]u64{ 1, 2, 3, 4 };
    var at: u32 = 0;
    while (at < words.len) : (at += 4) {
        inline for (&lanes, 0..) |*lane, i| {
            const product = (lane.* ^ words[at + i]) *% 0x9e3779b97f4a7c15;
            lane.* = product ^ (product >> 32);
        }
    }
    var result: u64 = 0;
    for (lanes) |lane| result = std.math.rotl(u64, result *% 0xd1b54a32d192ed03, 23) ^ lane;
    return @max(1, result);
}
