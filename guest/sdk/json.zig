//! JSON, written straight into the report of an observation.

const std = @import("std");
const Out = @import("out.zig").Out;

pub const Json = struct {
    out: *Out,
    /// Whether a comma goes before the next key or value.
    comma: bool = false,

    /// Opens the report and its object; `end` closes both.
    pub fn begin(out: *Out) Json {
        out.beginReport();
        var json = Json{ .out = out };
        json.beginObject();
        return json;
    }

    pub fn end(json: *Json) void {
        json.endObject();
        json.out.endAction();
    }

    pub fn beginObject(json: *Json) void {
        json.open("{");
    }

    pub fn endObject(json: *Json) void {
        json.close("}");
    }

    pub fn beginArray(json: *Json) void {
        json.open("[");
    }

    pub fn endArray(json: *Json) void {
        json.close("]");
    }

    pub fn key(json: *Json, name: []const u8) void {
        json.string(name);
        json.out.put(":");
        json.comma = false;
    }

    /// `found` is an integer, a boolean or a text.
    pub fn value(json: *Json, found: anytype) void {
        switch (@typeInfo(@TypeOf(found))) {
            .int => |int| if (int.signedness == .signed) json.signed(found) else json.number(found),
            .comptime_int => json.number(found),
            .bool => json.literal(if (found) "true" else "false"),
            else => json.string(found),
        }
    }

    pub fn field(json: *Json, name: []const u8, found: anytype) void {
        json.key(name);
        json.value(found);
    }

    /// `bytes` as a text of hexadecimal digits.
    pub fn hex(json: *Json, bytes: []const u8) void {
        json.separate();
        json.out.put("\"");
        for (bytes) |byte| json.out.put(&hexDigits(byte));
        json.out.put("\"");
    }

    pub fn hexField(json: *Json, name: []const u8, bytes: []const u8) void {
        json.key(name);
        json.hex(bytes);
    }

    /// Bytes beyond ASCII become the code points of the same number.
    pub fn string(json: *Json, text: []const u8) void {
        json.separate();
        json.out.put("\"");
        for (text) |byte| switch (byte) {
            '"' => json.out.put("\\\""),
            '\\' => json.out.put("\\\\"),
            0...31, 127...255 => {
                json.out.put("\\u00");
                json.out.put(&hexDigits(byte));
            },
            else => json.out.put(&.{byte}),
        };
        json.out.put("\"");
    }

    pub fn number(json: *Json, found: u64) void {
        var digits: [20]u8 = undefined;
        var at: u32 = digits.len;
        var left = found;
        while (true) {
            at -= 1;
            digits[at] = '0' + @as(u8, @intCast(left % 10));
            left /= 10;
            if (left == 0) break;
        }
        json.literal(digits[at..]);
    }

    fn signed(json: *Json, found: i64) void {
        if (found >= 0) return json.number(@intCast(found));
        json.literal("-");
        json.comma = false;
        json.number(@abs(found));
    }

    fn literal(json: *Json, text: []const u8) void {
        json.separate();
        json.out.put(text);
    }

    fn open(json: *Json, bracket: []const u8) void {
        json.literal(bracket);
        json.comma = false;
    }

    fn close(json: *Json, bracket: []const u8) void {
        json.out.put(bracket);
        json.comma = true;
    }

    fn separate(json: *Json) void {
        if (json.comma) json.out.put(",");
        json.comma = true;
    }
};

fn hexDigits(byte: u8) [2]u8 {
    const digits = "0123456789abcdef";
    return .{ digits[byte >> 4], digits[byte & 15] };
}
