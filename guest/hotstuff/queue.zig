//! Client commands that wait for a block: a set, in the order in which blocks take them, lowest sequence first, so
//! that no client is starved.

const std = @import("std");
const sdk = @import("sdk");
const limits = @import("limits.zig");
const Command = @import("block.zig").Command;

const Item = struct {
    client: u64,
    sequence: u64,
    size: u8,
    data: [limits.command_size_max]u8,

    noinline fn mark(item: *const Item) [32]u8 {
        return sdk.Hash.of(.{ item.client, item.sequence, @as([]const u8, item.data[0..item.size]) });
    }

    fn command(item: *const Item) Command {
        return .{ .client = item.client, .sequence = item.sequence, .data = item.data[0..item.size] };
    }
};

pub const Queue = struct {
    items: [limits.queue_max]Item,
    count: u8,
    sum: sdk.Sum,

    pub fn at(queue: *const Queue, place: u32) Command {
        return queue.items[place].command();
    }

    pub fn holds(queue: *const Queue, command: Command) bool {
        const place = queue.placeOf(command);
        return place < queue.count and queue.at(place).same(command);
    }

    pub fn isFull(queue: *const Queue) bool {
        return queue.count == limits.queue_max;
    }

    /// There must be room, and the command must be new.
    pub fn put(queue: *Queue, command: Command) void {
        const place = queue.placeOf(command);
        std.mem.copyBackwards(Item, queue.items[place + 1 .. queue.count + 1], queue.items[place..queue.count]);
        const item = &queue.items[place];
        item.client = command.client;
        item.sequence = command.sequence;
        item.size = @intCast(command.data.len);
        @memcpy(item.data[0..item.size], command.data);
        queue.count += 1;
        queue.sum.add(&item.mark());
    }

    pub fn remove(queue: *Queue, command: Command) void {
        const place = queue.placeOf(command);
        if (place == queue.count or !queue.at(place).same(command)) return;
        queue.sum.remove(&queue.items[place].mark());
        std.mem.copyForwards(Item, queue.items[place .. queue.count - 1], queue.items[place + 1 .. queue.count]);
        queue.count -= 1;
    }

    /// Where `command` is, or would go.
    fn placeOf(queue: *const Queue, command: Command) u32 {
        var place: u32 = 0;
        while (place < queue.count and isBefore(queue.at(place), command)) place += 1;
        return place;
    }

    pub fn sumFromScratch(queue: *const Queue) sdk.Sum {
        var sum = sdk.Sum{};
        for (queue.items[0..queue.count]) |*item| sum.add(&item.mark());
        return sum;
    }
};

fn isBefore(a: Command, b: Command) bool {
    return a.sequence < b.sequence or a.sequence == b.sequence and a.client < b.client;
}
