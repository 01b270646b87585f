//! Deliberate mistakes, one a build, for tests of what must find them. `none` is what ships; the others cost
//! it nothing. Each says with how little it goes wrong: F is the one faulty replica of n >= 4.

pub const Flaw = enum {
    none,

    /// A block is final when its child is certified. F is the leader of v + 2 and sends its proposal to A
    /// alone, with the certificate of b(v+1), so that A commits b(v). F's next proposal has the certificate
    /// of b(v-1) (stale certificate): all but A are locked no higher and vote for it, n >= 7 or with a vote of
    /// F's twin, and commit it and what follows instead of b(v).
    two_chain_commit,

    /// A certificate counts signatures, not signers. F's proposal of view w has a stale certificate: all keep it,
    /// nobody votes. Before the lock passes w (in w + 1, or after more failed views) F proposes a block on
    /// that one, with a certificate of F's signature n - f times (one signer's certificate), above everyone's
    /// lock: all vote, and what follows commits heights a second time.
    duplicate_signers,

    /// The parent need not be the block that the certificate is for. F proposes with the newest certificate
    /// and a committed block as parent (other parent): all vote, as the certificate is above their lock.
    no_parent_check,

    /// A replica votes for each proposal of its view. F, or F and its twin, sends two (other commands).
    votes_twice,

    /// A timeout sets the lock back to the first block. After a view that failed F proposes with a certificate
    /// of a committed block (stale certificate).
    forgets_lock,

    /// A vote's signature leaves out the view, and no one compares the certificate's view with its block's. F
    /// proposes on a committed block with its certificate, the view made v - 1 (raised certificate view).
    unsigned_view,

    /// n - f - 1 signers are a quorum. Each half of a partition holds F or its twin and goes on alone.
    quorum_minus_one,

    /// Commands are executed as they come. F proposes one again (repeated commands).
    executes_twice,
};

const chosen: Flaw = @import("build_options").flaw;

pub inline fn has(comptime flaw: Flaw) bool {
    return chosen == flaw;
}
