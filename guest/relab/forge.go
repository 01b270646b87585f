package main

import (
	"crypto/ed25519"
	"slices"

	"github.com/relab/hotstuff"
	"github.com/relab/hotstuff/crypto/eddsa"

	"lockstep/sdk"
)

// lie changes a message; choice decides where there is something to choose. False where it does
// not apply.
type lie func(n *node, choice uint64, m *message) bool

var inBlocks = []int{int(proposalKind)}
var inCertificates = []int{int(proposalKind), int(newViewKind), int(timeoutKind)}
var inViews = []int{int(proposalKind), int(timeoutKind)}

var lies = []struct {
	name     string
	messages []int
	change   lie
}{
	{"view plus one", inViews, func(n *node, _ uint64, m *message) bool { return n.inView(m, m.ownView()+1) }},
	{"view minus one", inViews, func(n *node, _ uint64, m *message) bool { return n.inView(m, m.ownView()-1) }},
	{"later view", inBlocks, func(n *node, choice uint64, m *message) bool {
		return n.inView(m, m.ownView()+hotstuff.View(n.init.N)*hotstuff.View(1+choice%3))
	}},
	{"other parent", inBlocks, otherParent},
	{"other commands", inBlocks, otherCommands},
	{"stale certificate", inCertificates, staleCertificate},
	{"raised certificate view", inCertificates, func(_ *node, choice uint64, m *message) bool {
		return m.certify(func(qc hotstuff.QuorumCert) hotstuff.QuorumCert {
			return hotstuff.NewQuorumCert(qc.Signature(), qc.View()+1+hotstuff.View(choice%5), qc.BlockHash())
		})
	}},
	{"no signature", inCertificates, func(_ *node, _ uint64, m *message) bool {
		return m.sign(func(hotstuff.QuorumSignature) hotstuff.QuorumSignature { return nil })
	}},
	{"dropped signer", inCertificates, func(_ *node, choice uint64, m *message) bool {
		return m.sign(func(found hotstuff.QuorumSignature) hotstuff.QuorumSignature { return without(found, choice) })
	}},
	{"damaged signature", inCertificates, func(_ *node, choice uint64, m *message) bool {
		return m.sign(func(found hotstuff.QuorumSignature) hotstuff.QuorumSignature { return damaged(found, choice) })
	}},
	{"other block", []int{int(voteKind)}, otherBlock},
	{"vote without signature", []int{int(voteKind)}, func(_ *node, _ uint64, m *message) bool {
		m.signature = nil
		return true
	}},
}

func mutationTable() (table []sdk.Mutation) {
	for at, lie := range lies {
		table = append(table, sdk.Mutation{Number: uint16(at + 1), Name: lie.name, Messages: lie.messages})
	}
	return table
}

// Forge changes a message and signs it again.
func (n *node) Forge(mutation uint16, choice uint64, bytes []byte, out *sdk.Out) uint16 {
	if mutation == 0 || int(mutation) > len(lies) {
		return sdk.Unsupported
	}
	m, ok := parse(bytes)
	if !ok {
		return sdk.Malformed
	}
	lie := lies[mutation-1]
	if !slices.Contains(lie.messages, int(m.kind)) || !lie.change(n, choice, &m) {
		return sdk.Unsupported
	}
	out.Report(m.encode())
	return sdk.OK
}

func (m *message) ownView() hotstuff.View {
	if m.block != nil {
		return m.block.View()
	}
	return m.view
}

// inView moves a proposal or a timeout into another view; proposals are not signed.
func (n *node) inView(m *message, view hotstuff.View) bool {
	if m.kind == timeoutKind {
		m.view = view
		m.signature = n.signed(view.ToBytes())
		if m.textSignature != nil {
			text := hotstuff.TimeoutMsg{ID: n.id, View: view, SyncInfo: m.sync}
			m.textSignature = n.signed(text.ToBytes())
		}
		return true
	}
	b := m.block
	m.block = newBlock(b.Parent(), b.QuorumCert(), b.Command(), view, b.Proposer(), uint64(view))
	return true
}

// signed does not go through relab's cache, since to forge changes no state.
func (n *node) signed(text []byte) hotstuff.QuorumSignature {
	key := keyFor(n.init.Seed, int(n.init.Replica))
	sign := ed25519.Sign(key, text)
	return signatures{n.id: eddsa.RestoreSignature(sign, n.id)}
}

func otherParent(n *node, choice uint64, m *message) bool {
	b, parent := m.block, n.known(choice)
	m.block = newBlock(parent.Hash(), b.QuorumCert(), b.Command(), b.View(), b.Proposer(), uint64(b.View()))
	return parent.Hash() != b.Parent()
}

func otherCommands(_ *node, choice uint64, m *message) bool {
	batch := encodeBatch([]sdk.Command{{Client: 1 << 32, Sequence: choice % 8, Data: []byte("forged")}})
	b := m.block
	m.block = newBlock(b.Parent(), b.QuorumCert(), batch, b.View(), b.Proposer(), uint64(b.View()))
	return true
}

func staleCertificate(n *node, choice uint64, m *message) bool {
	stale := n.known(choice).QuorumCert()
	if m.block != nil && stale.BlockHash() == (hotstuff.Hash{}) {
		return false
	}
	return m.certify(func(hotstuff.QuorumCert) hotstuff.QuorumCert { return stale })
}

func otherBlock(n *node, choice uint64, m *message) bool {
	block := n.known(choice)
	if block.Hash() == m.hash {
		return false
	}
	m.view, m.hash, m.signature = block.View(), block.Hash(), n.signed(block.ToBytes())
	return true
}

// known is a block that this node has seen.
func (n *node) known(choice uint64) *hotstuff.Block {
	if len(n.recent) == 0 {
		return hotstuff.GetGenesis()
	}
	return n.recent[choice%uint64(len(n.recent))]
}

// certify changes the certificate of a message; a proposal is then built on what it certifies.
func (m *message) certify(change func(hotstuff.QuorumCert) hotstuff.QuorumCert) bool {
	if m.block != nil {
		b, qc := m.block, change(m.block.QuorumCert())
		m.block = newBlock(qc.BlockHash(), qc, b.Command(), b.View(), b.Proposer(), uint64(b.View()))
		return true
	}
	qc, ok := m.sync.QC()
	if ok {
		m.sync = m.sync.WithQC(change(qc))
	}
	return ok
}

// sign changes the signature of a message's certificate; a timeout certificate goes first.
func (m *message) sign(change func(hotstuff.QuorumSignature) hotstuff.QuorumSignature) bool {
	if tc, ok := m.sync.TC(); ok && tc.Signature() != nil {
		m.sync = m.sync.WithTC(hotstuff.NewTimeoutCert(change(tc.Signature()), tc.View()))
		return true
	}
	signed := false
	m.certify(func(qc hotstuff.QuorumCert) hotstuff.QuorumCert {
		if signed = qc.Signature() != nil; !signed {
			return qc
		}
		return hotstuff.NewQuorumCert(change(qc.Signature()), qc.View(), qc.BlockHash())
	})
	return signed
}

func without(signature hotstuff.QuorumSignature, choice uint64) hotstuff.QuorumSignature {
	found, kept := signature.(signatures), signatures{}
	ids := sortedKeys(found)
	for at, id := range ids {
		if uint64(at) != choice%uint64(len(ids)) {
			kept[id] = found[id]
		}
	}
	return kept
}

func damaged(signature hotstuff.QuorumSignature, choice uint64) hotstuff.QuorumSignature {
	found, made := signature.(signatures), signatures{}
	ids := sortedKeys(found)
	for at, id := range ids {
		sign := found[id].ToBytes()
		if uint64(at) == choice%uint64(len(ids)) {
			sign[choice/256%signatureSize] ^= 1
		}
		made[id] = eddsa.RestoreSignature(sign, id)
	}
	return made
}
