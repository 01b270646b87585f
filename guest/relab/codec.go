package main

import (
	"slices"
	"time"

	"github.com/relab/hotstuff"
	"github.com/relab/hotstuff/crypto"
	"github.com/relab/hotstuff/crypto/eddsa"

	"lockstep/sdk"
)

const signatureSize = 64

type signatures = crypto.Multi[*eddsa.Signature]

// encoder writes what relab's messages are made of. A signature begins with whether there is one.
type encoder struct{ sdk.Writer }

func (e *encoder) hash(hash hotstuff.Hash) { e.Put(hash[:]) }
func (e *encoder) view(view hotstuff.View) { e.U64(uint64(view)) }

func (e *encoder) signature(signature hotstuff.QuorumSignature) {
	found, ok := signature.(signatures)
	if !ok {
		e.U8(0)
		return
	}
	e.U8(1)
	e.U16(uint16(len(found)))
	for _, id := range sortedKeys(found) {
		e.U32(uint32(id))
		e.Put(found[id].ToBytes())
	}
}

func (e *encoder) certificate(qc hotstuff.QuorumCert) {
	e.view(qc.View())
	e.hash(qc.BlockHash())
	e.signature(qc.Signature())
}

func (e *encoder) timeoutCertificate(tc hotstuff.TimeoutCert) {
	e.view(tc.View())
	e.signature(tc.Signature())
}

func (e *encoder) aggregate(aggregate hotstuff.AggregateQC) {
	e.view(aggregate.View())
	e.signature(aggregate.Sig())
	e.U16(uint16(len(aggregate.QCs())))
	for _, id := range sortedKeys(aggregate.QCs()) {
		e.U32(uint32(id))
		e.certificate(aggregate.QCs()[id])
	}
}

func (e *encoder) sync(sync hotstuff.SyncInfo) {
	qc, hasQC := sync.QC()
	tc, hasTC := sync.TC()
	aggregate, hasAggregate := sync.AggQC()
	if e.flag(hasQC) {
		e.certificate(qc)
	}
	if e.flag(hasTC) {
		e.timeoutCertificate(tc)
	}
	if e.flag(hasAggregate) {
		e.aggregate(aggregate)
	}
}

func (e *encoder) block(block *hotstuff.Block) {
	e.view(block.View())
	e.hash(block.Parent())
	e.U32(uint32(block.Proposer()))
	e.U64(uint64(block.Timestamp().UnixNano()))
	e.Sized([]byte(block.Command()))
	e.certificate(block.QuorumCert())
}

func (e *encoder) flag(set bool) bool {
	if set {
		e.U8(1)
	} else {
		e.U8(0)
	}
	return set
}

// decoder reads the same.
type decoder struct{ sdk.Reader }

func (d *decoder) hash() hotstuff.Hash { return hotstuff.Hash(d.Hash()) }

func (d *decoder) view() hotstuff.View { return hotstuff.View(d.U64()) }

func (d *decoder) flag() bool {
	found := d.U8()
	d.Failed = d.Failed || found > 1
	return found == 1
}

func (d *decoder) signature() hotstuff.QuorumSignature {
	if !d.flag() {
		return nil
	}
	found := signatures{}
	for count := d.U16(); count > 0 && !d.Failed; count-- {
		signer := hotstuff.ID(d.U32())
		found[signer] = eddsa.RestoreSignature(slices.Clone(d.Take(signatureSize)), signer)
	}
	return found
}

func (d *decoder) certificate() hotstuff.QuorumCert {
	view, hash := d.view(), d.hash()
	return hotstuff.NewQuorumCert(d.signature(), view, hash)
}

func (d *decoder) timeoutCertificate() hotstuff.TimeoutCert {
	view := d.view()
	return hotstuff.NewTimeoutCert(d.signature(), view)
}

func (d *decoder) aggregate() hotstuff.AggregateQC {
	view, signature := d.view(), d.signature()
	certificates := map[hotstuff.ID]hotstuff.QuorumCert{}
	for count := d.U16(); count > 0 && !d.Failed; count-- {
		id := hotstuff.ID(d.U32())
		certificates[id] = d.certificate()
	}
	return hotstuff.NewAggregateQC(certificates, signature, view)
}

func (d *decoder) sync() hotstuff.SyncInfo {
	sync := hotstuff.NewSyncInfo()
	if d.flag() {
		sync = sync.WithQC(d.certificate())
	}
	if d.flag() {
		sync = sync.WithTC(d.timeoutCertificate())
	}
	if d.flag() {
		sync = sync.WithAggQC(d.aggregate())
	}
	return sync
}

func (d *decoder) block() *hotstuff.Block {
	view, parent, proposer, stamp := d.view(), d.hash(), hotstuff.ID(d.U32()), d.U64()
	command := hotstuff.Command(d.Sized())
	return newBlock(parent, d.certificate(), command, view, proposer, stamp)
}

// newBlock makes a block with that time, since its hash covers it.
func newBlock(
	parent hotstuff.Hash, qc hotstuff.QuorumCert, command hotstuff.Command,
	view hotstuff.View, proposer hotstuff.ID, stampNs uint64,
) *hotstuff.Block {
	block := hotstuff.NewBlock(parent, qc, command, view, proposer)
	block.SetTimestamp(time.Unix(0, int64(stampNs)))
	return block
}

func sortedKeys[V any](found map[hotstuff.ID]V) []hotstuff.ID {
	keys := make([]hotstuff.ID, 0, len(found))
	for id := range found {
		keys = append(keys, id)
	}
	slices.Sort(keys)
	return keys
}
