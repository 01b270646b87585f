//! A node's state and messages as JSON, for people and for structural comparison.

const std = @import("std");
const sdk = @import("sdk");
const ballots = @import("ballots.zig");
const blocks = @import("block.zig");
const certificates = @import("certificate.zig");
const messages = @import("message.zig");
const nodes = @import("node.zig");
const trees = @import("tree.zig");
const words = @import("describe.zig").words;

const Certificate = certificates.Certificate;
const Json = sdk.Json;
const Node = nodes.Node;

pub fn inspect(node: *const Node, json: *Json) void {
    writeSetup(node, json);
    json.field("view", node.view);
    json.field("leader", node.leader(node.view));
    json.field("timed_out", node.timed_out);
    json.field("failures", node.failures);
    json.field("proposed_view", node.proposed_view);
    writePoint("voted", node.voted, json);
    writePoint("lock", node.lock, json);
    writeCertificate("high", node.highCertificate(), json);
    writeCertificate("last_timeout", node.last_timeout.get(node.setup.scheme), json);
    writePoint("head", .{ .view = node.head().view, .block = node.head().hash }, json);
    json.hexField("application_hash", &node.application_hash);
    writeTree(node, json);
    writeBallots("votes", &node.votes, node.setup.n, json);
    writeBallots("timeouts", &node.timeouts, node.setup.n, json);
    writeQueue(node, json);
    writeClients(node, json);
    json.hexField("application", &node.application);
}

fn writeSetup(node: *const Node, json: *Json) void {
    json.field("replica", node.setup.replica);
    json.field("n", node.setup.n);
    json.field("quorum", node.quorum());
    json.field("authenticators", words(node.setup.scheme));
    json.field("commands_per_block", node.setup.batch);
    json.field("base_timeout_ms", node.setup.base_timeout_ms);
    json.key("schedule");
    json.beginArray();
    for (node.setup.schedule[0..node.setup.scheduled]) |leader| json.value(leader);
    json.endArray();
}

fn writePoint(name: []const u8, point: nodes.Point, json: *Json) void {
    json.key(name);
    json.beginObject();
    json.field("view", point.view);
    json.hexField("block", &point.block);
    json.endObject();
}

fn writeCertificate(name: []const u8, certificate: Certificate, json: *Json) void {
    json.key(name);
    json.beginObject();
    json.field("view", certificate.view);
    json.hexField("block", certificate.block);
    json.key("signers");
    json.beginArray();
    for (0..certificate.count()) |at| json.value(certificate.share(@intCast(at)).signer);
    json.endArray();
    json.hexField("shares", certificate.shares);
    json.endObject();
}

/// By view, so that the places in the table leave no mark.
fn writeTree(node: *const Node, json: *Json) void {
    json.key("blocks");
    json.beginArray();
    var after: ?trees.Slot = null;
    while (node.tree.nextInOrder(after)) |slot| : (after = slot) {
        json.beginObject();
        json.field("status", words(node.tree.entries[slot].status));
        json.hexField("hash", &node.tree.entries[slot].hash);
        writeBlock(node.tree.block(slot, node.setup.scheme), json);
        json.endObject();
    }
    json.endArray();
}

fn writeBlock(block: blocks.Block, json: *Json) void {
    json.field("view", block.view);
    json.field("height", block.height);
    json.field("proposer", block.proposer);
    json.hexField("parent", block.parent);
    writeCertificate("justify", block.justify, json);
    json.key("commands");
    json.beginArray();
    var commands = block.commands.iterate();
    while (commands.next()) |command| writeCommand(command, json);
    json.endArray();
}

fn writeCommand(command: blocks.Command, json: *Json) void {
    json.beginObject();
    json.field("client", command.client);
    json.field("sequence", command.sequence);
    json.hexField("data", command.data);
    json.endObject();
}

fn writeBallots(name: []const u8, found: *const ballots.Ballots, n: u16, json: *Json) void {
    json.key(name);
    json.beginArray();
    for (found.rows[0..n], 0..) |*row, signer| {
        if (row.view == 0) continue;
        json.beginObject();
        json.field("signer", @as(u16, @intCast(signer)));
        json.field("view", row.view);
        json.hexField("block", &row.block);
        json.endObject();
    }
    json.endArray();
}

fn writeQueue(node: *const Node, json: *Json) void {
    json.key("queue");
    json.beginArray();
    for (0..node.queue.count) |place| writeCommand(node.queue.at(@intCast(place)), json);
    json.endArray();
}

fn writeClients(node: *const Node, json: *Json) void {
    json.key("clients");
    json.beginArray();
    for (node.clients.rows[0..node.clients.count]) |*row| {
        json.beginObject();
        json.field("client", row.client);
        json.field("newest", row.newest);
        json.field("window", row.window);
        json.endObject();
    }
    json.endArray();
}

pub fn decode(bytes: []const u8, json: *Json) u16 {
    const parsed = messages.Message.parse(bytes) catch return sdk.malformed;
    json.field("kind", words(std.meta.activeTag(parsed.message)));
    json.field("authenticators", words(parsed.scheme));
    switch (parsed.message) {
        .proposal => |proposal| {
            json.hexField("hash", &proposal.encoded.hash());
            writeBlock(proposal.encoded.block, json);
            if (proposal.timeout) |certificate| writeCertificate("timeout", certificate, json);
            json.hexField("signature", proposal.signature);
        },
        .vote => |vote| {
            json.field("view", vote.view);
            json.field("signer", vote.signer);
            json.hexField("block", vote.block);
            json.hexField("signature", vote.signature);
        },
        .timeout => |timeout| {
            json.field("view", timeout.view);
            json.field("signer", timeout.signer);
            writeCertificate("high", timeout.high, json);
            json.hexField("signature", timeout.signature);
        },
        .new_view => |new_view| {
            writeCertificate("high", new_view.high, json);
            if (new_view.timeout) |certificate| writeCertificate("timeout", certificate, json);
        },
        .fetch => |hash| json.hexField("block", hash),
        .block => |encoded| {
            json.hexField("hash", &encoded.hash());
            writeBlock(encoded.block, json);
        },
    }
    return sdk.ok;
}
