//! The answer in the making: actions go straight into the observation's frame in the output buffer.

const std = @import("std");
const frame = @import("frame.zig");
const system = @import("system.zig");

const Action = enum(u8) { send = 1, broadcast = 2, set_timer = 3, commit = 4, report = 5 };

const header_size = 4 + 2 + frame.state_hash_size + 2;
const action_header_size = 1 + 4;

/// The buffer is full when it holds this much: the rest of it is room for the last answer.
const full = 64 << 10;

pub const Out = struct {
    buffer: [capacity]u8,
    /// Where the answer in the making starts; before it are answers that wait to be written.
    start: u32,
    /// Where its next byte goes. Past `start + answer_max` it only counts.
    len: u32,
    /// Where its last action starts.
    action: u32,
    actions: u16,
    /// What the one report of a long answer holds; 0 while an answer is kept whole.
    streaming: u32,

    pub const capacity = (192 << 10) - 64;
    /// What fits, however much waits before it. A longer answer to a question is streamed; a longer
    /// one to an event that changes state is a trap.
    pub const answer_max = capacity - full;

    pub fn send(out: *Out, receiver: u16, message: []const u8) void {
        out.begin(.send, @intCast(2 + message.len));
        out.int(u16, receiver);
        out.put(message);
    }

    /// To every other replica: a node hears itself within the event.
    pub fn broadcast(out: *Out, message: []const u8) void {
        out.begin(.broadcast, @intCast(message.len));
        out.put(message);
    }

    pub fn setTimer(out: *Out, view: u64, delay_ms: u32) void {
        out.begin(.set_timer, 12);
        out.int(u64, view);
        out.int(u32, delay_ms);
    }

    /// Says that a block is final; its commands follow, each by `commitCommand`.
    pub fn commit(out: *Out, height: u64, block: *const [32]u8, application: *const [32]u8) void {
        out.begin(.commit, commit_size);
        out.int(u64, height);
        out.put(block);
        out.put(application);
        out.int(u16, 0);
    }

    /// One more command of the commit that was begun last.
    pub fn commitCommand(out: *Out, client: u64, sequence: u64, data: []const u8) void {
        out.int(u64, client);
        out.int(u64, sequence);
        out.int(u32, @intCast(data.len));
        out.put(data);
        out.endAction();
        if (out.kept()) out.countCommand();
    }

    /// The answer to a question: `bytes`, as the only action.
    pub fn report(out: *Out, bytes: []const u8) void {
        out.begin(.report, @intCast(bytes.len));
        out.put(bytes);
    }

    /// A report piece by piece: `beginReport`, any number of `put`, `endAction`.
    pub fn beginReport(out: *Out) void {
        out.begin(.report, out.streaming);
    }

    pub fn endAction(out: *Out) void {
        const body = out.action + action_header_size;
        if (out.kept()) out.patch(u32, out.action + 1, out.len - body);
    }

    pub fn put(out: *Out, bytes: []const u8) void {
        if (out.streaming != 0) return out.stream(bytes);
        const at = out.len;
        out.len += @intCast(bytes.len);
        if (out.fits()) @memcpy(out.buffer[at..][0..bytes.len], bytes);
    }

    pub fn int(out: *Out, comptime T: type, value: T) void {
        out.put(&frame.littleEndian(T, value));
    }

    const commit_size = 8 + 32 + 32 + 2;

    fn countCommand(out: *Out) void {
        const at = out.action + action_header_size + commit_size - 2;
        out.patch(u16, at, 1 + std.mem.readInt(u16, out.buffer[at..][0..2], .little));
    }

    fn begin(out: *Out, kind: Action, size: u32) void {
        out.action = out.len;
        out.actions += 1;
        out.int(u8, @intFromEnum(kind));
        out.int(u32, size);
    }

    /// Whether the answer is in the buffer as a whole, so that what is known later can go into it.
    fn kept(out: *const Out) bool {
        return out.streaming == 0 and out.fits();
    }

    fn patch(out: *Out, comptime T: type, at: u32, value: T) void {
        out.buffer[at..][0..@sizeOf(T)].* = frame.littleEndian(T, value);
    }

    fn stream(out: *Out, bytes: []const u8) void {
        var left = bytes;
        while (left.len > 0) {
            if (out.len == capacity) out.flush();
            const count = @min(left.len, capacity - out.len);
            @memcpy(out.buffer[out.len..][0..count], left[0..count]);
            out.len += @intCast(count);
            left = left[count..];
        }
    }

    // What follows is for the loop.

    /// Starts an answer behind those that wait; also forgets one that was begun.
    pub fn reset(out: *Out) void {
        out.len = out.start + header_size;
        out.actions = 0;
    }

    pub fn fits(out: *const Out) bool {
        return out.len - out.start <= answer_max;
    }

    /// Completes the answer; writes when the buffer is full.
    pub fn finish(out: *Out, outcome: u16, state: *const [frame.state_hash_size]u8) void {
        out.head(outcome, state, out.len - out.start);
        out.start = out.len;
        if (out.len >= full) out.flush();
    }

    /// Prepares for the second telling of a report that did not fit: its size is known now.
    pub fn restartStreaming(out: *Out, outcome: u16, state: *const [frame.state_hash_size]u8) void {
        const size = out.len - out.start;
        out.len = out.start;
        out.flush();
        out.head(outcome, state, size);
        out.reset();
        out.streaming = size - header_size - action_header_size;
    }

    pub fn finishStreaming(out: *Out) void {
        out.streaming = 0;
        out.flush();
    }

    pub fn flush(out: *Out) void {
        system.write(out.buffer[0..out.len]);
        out.start = 0;
        out.len = 0;
    }

    fn head(out: *Out, outcome: u16, state: *const [frame.state_hash_size]u8, size: u32) void {
        var writer = frame.Writer.init(out.buffer[out.start..][0..header_size]);
        writer.int(u32, size - 4);
        writer.int(u16, outcome);
        writer.put(state);
        writer.int(u16, out.actions);
    }
};
