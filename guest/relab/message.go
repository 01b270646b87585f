package main

import (
	"github.com/relab/hotstuff"

	"lockstep/sdk"
)

// The kinds of messages: the first byte of each.
const (
	proposalKind byte = iota + 1
	voteKind
	newViewKind
	timeoutKind
	requestKind
	blockKind
)

var kindNames = map[byte]string{
	proposalKind: "proposal", voteKind: "vote", newViewKind: "new view", timeoutKind: "timeout",
	requestKind: "block request", blockKind: "block",
}

// onceSize covers kind and view: one proposal and one vote a view.
const onceSize = 9

func messageKinds() (kinds []sdk.MessageKind) {
	for number := proposalKind; number <= blockKind; number++ {
		kind := sdk.MessageKind{Number: number, Name: kindNames[number]}
		if number == proposalKind || number == voteKind {
			kind.Once = &[2]int{0, onceSize}
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// message is any message; which fields count depends on its kind.
type message struct {
	kind          byte
	view          hotstuff.View // of a vote: that of its block, for people; relab's votes have none
	hash          hotstuff.Hash
	block         *hotstuff.Block
	aggregate     *hotstuff.AggregateQC
	sync          hotstuff.SyncInfo
	signature     hotstuff.QuorumSignature
	textSignature hotstuff.QuorumSignature // of a timeout: of all of it, where rules ask for one
}

func parse(bytes []byte) (m message, ok bool) {
	d := decoder{Reader: sdk.Reader{Bytes: bytes}}
	m.kind = d.U8()
	switch m.kind {
	case proposalKind:
		m.block = d.block()
		if d.flag() {
			aggregate := d.aggregate()
			m.aggregate = &aggregate
		}
	case voteKind:
		m.view, m.hash, m.signature = d.view(), d.hash(), d.signature()
	case newViewKind:
		m.sync = d.sync()
	case timeoutKind:
		m.view, m.signature, m.textSignature, m.sync = d.view(), d.signature(), d.signature(), d.sync()
	case requestKind:
		m.hash = d.hash()
	case blockKind:
		m.block = d.block()
	default:
		return m, false
	}
	return m, d.Done()
}

func (m message) encode() []byte {
	e := encoder{}
	e.U8(m.kind)
	switch m.kind {
	case proposalKind:
		e.block(m.block)
		if e.flag(m.aggregate != nil) {
			e.aggregate(*m.aggregate)
		}
	case voteKind:
		e.view(m.view)
		e.hash(m.hash)
		e.signature(m.signature)
	case newViewKind:
		e.sync(m.sync)
	case timeoutKind:
		e.view(m.view)
		e.signature(m.signature)
		e.signature(m.textSignature)
		e.sync(m.sync)
	case requestKind:
		e.hash(m.hash)
	case blockKind:
		e.block(m.block)
	}
	return e.Bytes
}

// event is the message as relab's event loop takes it. As relab does, it reads the signer of a vote
// from its signature, which is a fault where there is none.
func (m message) event(sender hotstuff.ID) any {
	switch m.kind {
	case proposalKind:
		return hotstuff.ProposeMsg{ID: sender, Block: m.block, AggregateQC: m.aggregate}
	case voteKind:
		return hotstuff.VoteMsg{ID: sender, PartialCert: hotstuff.NewPartialCert(m.signature, m.hash)}
	case newViewKind:
		return hotstuff.NewViewMsg{ID: sender, SyncInfo: m.sync}
	default:
		return hotstuff.TimeoutMsg{
			ID: sender, View: m.view, SyncInfo: m.sync,
			ViewSignature: m.signature, MsgSignature: m.textSignature,
		}
	}
}
