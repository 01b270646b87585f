//! The ways to lie that `forge` knows, and the kinds of messages they apply to.

const Kind = @import("message.zig").Kind;

pub const Mutation = enum(u16) {
    view_plus_one = 1,
    view_minus_one,
    /// The parent is another known block; the certificate stays.
    other_parent,
    /// An older certificate that this node knows; a proposal is built on its block.
    stale_certificate,
    /// The certificate of a known block, with a view that is higher; a proposal is built on that block.
    raised_certificate_view,
    /// A certificate of a known block made of this node's signature, n - f times; likewise.
    one_signers_certificate,
    dropped_signer,
    damaged_certificate,
    other_commands,
    /// Commands of another known block.
    repeated_commands,
    /// Other commands under the old signature or hash.
    commands_without_signature,
    wrong_height,
    /// The next view that this node leads.
    later_view,
    other_block,
    wrong_sender,

    pub fn kinds(mutation: Mutation) []const Kind {
        return switch (mutation) {
            .view_plus_one, .view_minus_one, .wrong_sender => &.{ .proposal, .vote, .timeout },
            .stale_certificate,
            .raised_certificate_view,
            .one_signers_certificate,
            .dropped_signer,
            .damaged_certificate,
            => &.{ .proposal, .timeout, .new_view },
            .commands_without_signature => &.{ .proposal, .block },
            .other_parent, .other_commands, .repeated_commands, .wrong_height, .later_view => &.{.proposal},
            .other_block => &.{.vote},
        };
    }
};
