package main

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"

	"github.com/relab/hotstuff"
	"github.com/relab/hotstuff/modules"
)

// network is relab's modules.Configuration: what it sends becomes actions of the event at hand.
// A replica id of the protocol is relab's, less one.
type network struct {
	node *node
	n    int
	keys []ed25519.PrivateKey
}

func newNetwork(n *node) *network {
	net := &network{node: n, n: int(n.init.N)}
	for id := range net.n {
		net.keys = append(net.keys, keyFor(n.init.Seed, id))
	}
	return net
}

// keyFor derives a replica's key: everybody can, which is what a test of runtimes wants.
func keyFor(seed uint64, replica int) ed25519.PrivateKey {
	var bytes [ed25519.SeedSize]byte
	copy(bytes[:], "lockstep relab")
	binary.LittleEndian.PutUint64(bytes[16:], seed)
	binary.LittleEndian.PutUint64(bytes[24:], uint64(replica))
	return ed25519.NewKeyFromSeed(bytes[:])
}

func (net *network) Len() int        { return net.n }
func (net *network) QuorumSize() int { return hotstuff.QuorumSize(net.n) }

func (net *network) Replicas() map[hotstuff.ID]modules.Replica {
	found := map[hotstuff.ID]modules.Replica{}
	for id := 1; id <= net.n; id++ {
		found[hotstuff.ID(id)] = &peer{net, hotstuff.ID(id)}
	}
	return found
}

func (net *network) Replica(id hotstuff.ID) (modules.Replica, bool) {
	if id < 1 || int(id) > net.n {
		return nil, false
	}
	return &peer{net, id}, true
}

// SubConfig is for a rule set with trees, which is not among ours.
func (net *network) SubConfig([]hotstuff.ID) (modules.Configuration, error) { return net, nil }

func (net *network) Propose(proposal hotstuff.ProposeMsg) {
	net.node.remember(proposal.Block)
	net.node.proposed = true
	net.broadcast(message{
		kind: proposalKind, block: proposal.Block, aggregate: proposal.AggregateQC,
	})
}

func (net *network) Timeout(timeout hotstuff.TimeoutMsg) {
	net.broadcast(message{
		kind: timeoutKind, view: timeout.View, sync: timeout.SyncInfo,
		signature: timeout.ViewSignature, textSignature: timeout.MsgSignature,
	})
}

func (net *network) Fetch(_ context.Context, hash hotstuff.Hash) (*hotstuff.Block, bool) {
	net.broadcast(message{kind: requestKind, hash: hash})
	block := net.node.turn.wait(hash)
	return block, block != nil
}

func (net *network) broadcast(m message) { net.node.out.Broadcast(m.encode()) }

// peer is another replica.
type peer struct {
	net *network
	id  hotstuff.ID
}

func (p *peer) ID() hotstuff.ID               { return p.id }
func (p *peer) Metadata() map[string]string   { return nil }
func (p *peer) PublicKey() hotstuff.PublicKey { return p.net.keys[p.id-1].Public() }
func (p *peer) send(m message)                { p.net.node.out.Send(uint16(p.id-1), m.encode()) }

func (p *peer) Vote(vote hotstuff.PartialCert) {
	p.net.node.voted = true
	view := hotstuff.View(0)
	if block, ok := p.net.node.chain.LocalGet(vote.BlockHash()); ok {
		view = block.View()
	}
	p.send(message{kind: voteKind, view: view, hash: vote.BlockHash(), signature: vote.Signature()})
}

func (p *peer) NewView(sync hotstuff.SyncInfo) { p.send(message{kind: newViewKind, sync: sync}) }
