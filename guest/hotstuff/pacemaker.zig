//! Keeps replicas in the same view for long enough: timers, timeouts, and certificates of timeouts.

const std = @import("std");
const sdk = @import("sdk");
const certificates = @import("certificate.zig");
const fetch = @import("fetch.zig");
const flaw = @import("flaw.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");
const messages = @import("message.zig");
const safety = @import("safety.zig");
const votes = @import("votes.zig");
const Node = @import("node.zig").Node;
const Outcome = @import("outcome.zig").Outcome;

const Certificate = certificates.Certificate;

pub const Reason = enum { certified, failed };

/// Goes to `view`, if that is ahead.
pub fn enter(node: *Node, view: u64, reason: Reason) void {
    if (view <= node.view) return;
    node.view = view;
    node.timed_out = false;
    node.failures = if (reason == .certified) 0 else node.failures + 1;
    if (flaw.has(.forgets_lock) and reason == .failed) node.lock = .{ .view = 0, .block = node.genesis };
}

/// Sets the timer of the present view.
pub fn startTimer(node: *Node, out: *sdk.Out) void {
    node.timer_view = node.view;
    const shift: u5 = @intCast(@min(node.failures, limits.backoff_max));
    out.setTimer(node.view, @as(u32, node.setup.base_timeout_ms) << shift);
}

/// The timer of `view` fired. It is set again, and its timeout sent again when it fires again: messages get lost.
/// That of a view that is over says nothing, to drivers that do not stop it.
pub fn expire(node: *Node, view: u64, out: *sdk.Out) Outcome {
    if (view != node.view) return .nothing_new;
    const outcome: Outcome = if (node.timed_out) .timed_out_again else .timed_out;
    giveUp(node, out);
    startTimer(node, out);
    _ = tally(node, out);
    return outcome;
}

pub fn receive(node: *Node, sender: u16, timeout: messages.Timeout, out: *sdk.Out) Outcome {
    if (timeout.signer != sender) return .wrong_sender;
    if (!node.keys.verify(sender, timeout.statement(), timeout.signature)) return .bad_signature;
    if (safety.faultOfCertificate(node, timeout.high)) |fault| return fault;
    safety.learn(node, timeout.high);
    fetch.highBlock(node, sender, out);
    if (timeout.view < node.view) {
        help(node, sender, out);
        return .stale_timeout;
    }
    if (timeout.view <= node.timeouts.rows[sender].view) return .duplicate_timeout;
    node.timeouts.put(sender, timeout.view, &keys.no_hash, timeout.signature);
    return tally(node, out);
}

pub fn receiveNewView(node: *Node, sender: u16, found: messages.NewView, out: *sdk.Out) Outcome {
    const before = node.view;
    if (safety.faultOfCertificate(node, found.high)) |fault| return fault;
    if (found.timeout) |certificate| if (learnTimeout(node, certificate)) |fault| return fault;
    safety.learn(node, found.high);
    fetch.highBlock(node, sender, out);
    return if (node.view > before) .entered_view else .nothing_new;
}

/// Takes note of a certificate of timeouts, or says what is wrong with it. An old one is not looked at.
pub fn learnTimeout(node: *Node, certificate: Certificate) ?Outcome {
    if (certificate.view < node.view) return null;
    const sound = std.mem.eql(u8, certificate.block, &keys.no_hash) and
        certificate.fault(.timeout, node.setup.n, &node.keys) == null;
    if (!sound) return .bad_timeout_certificate;
    ended(node, certificate);
    return null;
}

fn ended(node: *Node, certificate: Certificate) void {
    node.last_timeout.set(certificate);
    enter(node, certificate.view + 1, .failed);
}

/// Gives up the present view, and says so to all; unless the vote that we send again ends the view well.
fn giveUp(node: *Node, out: *sdk.Out) void {
    const view = node.view;
    votes.recast(node, out);
    if (node.view != view) return;
    node.timed_out = true;
    announce(node, out);
}

fn announce(node: *Node, out: *sdk.Out) void {
    var timeout = messages.Timeout{
        .view = node.view,
        .signer = node.setup.replica,
        .high = node.highCertificate(),
        .signature = undefined,
    };
    const signature = node.keys.sign(timeout.statement());
    timeout.signature = signature.slice();
    var buffer: messages.Message.Buffer = undefined;
    const message = messages.Message{ .timeout = timeout };
    out.broadcast(message.write(node.setup.scheme, &buffer));
    node.timeouts.put(node.setup.replica, node.view, &keys.no_hash, timeout.signature);
}

/// Joins a view that a correct replica has given up, and ends one that a quorum has given up.
fn tally(node: *Node, out: *sdk.Out) Outcome {
    const reached = node.timeouts.reachedBy(node.someCorrect());
    const joins = reached > node.view or reached == node.view and !node.timed_out;
    if (joins) {
        enter(node, reached, .failed);
        giveUp(node, out);
    }
    if (node.timeouts.count(node.view, &keys.no_hash) >= node.quorum()) {
        end(node, out);
        return .timeout_quorum_formed;
    }
    return if (joins) .timeout_joined else .timeout_counted;
}

/// A quorum gave up the present view. The next leader hears it from everyone who knows.
fn end(node: *Node, out: *sdk.Out) void {
    var gathering = certificates.Gathering{};
    ended(node, node.timeouts.gather(node.quorum(), node.setup.scheme, node.view, &keys.no_hash, &gathering));
    if (!node.leads(node.view)) help(node, node.leader(node.view), out);
}

/// Shows `receiver` the way to our view.
fn help(node: *const Node, receiver: u16, out: *sdk.Out) void {
    var buffer: messages.Message.Buffer = undefined;
    const message = messages.Message{ .new_view = .{
        .high = node.highCertificate(),
        .timeout = node.timeoutCertificate(),
    } };
    out.send(receiver, message.write(node.setup.scheme, &buffer));
}
