//! The event loop: one event in, one observation out, until the input ends.

const frame = @import("frame.zig");
const io = @import("io.zig");
const system = @import("system.zig");

const exit_end_of_input = 0;
const exit_bad_frame = 65;

/// Each event is copied here before it is handled, however it was read.
var event: [frame.event_size_max]u8 align(16) = @splat(0);

/// `Dispatch` has `answer(Event, *Out) u16` and `stateHash(Event) [32]u8`.
pub fn run(comptime Dispatch: type) noreturn {
    while (@call(.never_inline, nextEvent, .{})) |next| {
        @call(.never_inline, step, .{ Dispatch, next });
    }
    system.exit(exit_end_of_input);
}

fn nextEvent() ?frame.Event {
    const size = (io.nextSize() catch badFrame()) orelse return null;
    if (size < frame.event_size_min or size > frame.event_size_max) badFrame();
    if (io.fill(event[0..size]) != .full) badFrame();
    return frame.Event.parse(event[0..size]);
}

fn badFrame() noreturn {
    io.out.flush();
    system.exit(exit_bad_frame);
}

fn step(comptime Dispatch: type, next: frame.Event) void {
    const out = io.out;
    out.reset();
    const outcome = Dispatch.answer(next, out);
    const state = Dispatch.stateHash(next);
    if (out.fits()) return out.finish(outcome, &state);
    if (!next.kind.isQuestion()) @panic("an answer outgrew Out.answer_max");
    out.restartStreaming(outcome, &state);
    _ = Dispatch.answer(next, out);
    out.finishStreaming();
}
