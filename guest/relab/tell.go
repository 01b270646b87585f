package main

import (
	"encoding/hex"

	"github.com/relab/hotstuff"
)

// told is something for people; encoding/json sorts its keys.
type told map[string]any

func (m message) tell() any {
	found := told{"kind": kindNames[m.kind]}
	switch m.kind {
	case proposalKind, blockKind:
		found["block"] = tellBlock(m.block)
		if m.aggregate != nil {
			found["aggregate"] = tellAggregate(*m.aggregate)
		}
	case voteKind:
		found["view"], found["block"], found["signers"] = m.view, tellHash(m.hash), signers(m.signature)
	case newViewKind:
		found["sync"] = tellSync(m.sync)
	case timeoutKind:
		found["view"], found["sync"] = m.view, tellSync(m.sync)
		found["signers"], found["text signers"] = signers(m.signature), signers(m.textSignature)
	case requestKind:
		found["hash"] = tellHash(m.hash)
	}
	return found
}

func tellHash(hash hotstuff.Hash) string { return hex.EncodeToString(hash[:]) }

func tellBlock(block *hotstuff.Block) any {
	commands, readable := decodeBatch(block.Command())
	return told{
		"hash": tellHash(block.Hash()), "parent": tellHash(block.Parent()), "view": block.View(),
		"proposer": block.Proposer(), "certificate": tellCertificate(block.QuorumCert()),
		"commands": len(commands), "readable": readable,
	}
}

func tellCertificate(qc hotstuff.QuorumCert) any {
	return told{
		"view": qc.View(), "block": tellHash(qc.BlockHash()), "signers": signers(qc.Signature()),
	}
}

func tellAggregate(aggregate hotstuff.AggregateQC) any {
	found := []any{}
	for _, id := range sortedKeys(aggregate.QCs()) {
		found = append(found, told{"of": id, "certificate": tellCertificate(aggregate.QCs()[id])})
	}
	return told{"view": aggregate.View(), "signers": signers(aggregate.Sig()), "certificates": found}
}

func tellSync(sync hotstuff.SyncInfo) any {
	found := told{}
	if qc, ok := sync.QC(); ok {
		found["certificate"] = tellCertificate(qc)
	}
	if tc, ok := sync.TC(); ok {
		found["timeout"] = told{"view": tc.View(), "signers": signers(tc.Signature())}
	}
	if aggregate, ok := sync.AggQC(); ok {
		found["aggregate"] = tellAggregate(aggregate)
	}
	return found
}

// signers is null where there is no signature.
func signers(signature hotstuff.QuorumSignature) any {
	found, ok := signature.(signatures)
	if !ok {
		return nil
	}
	return sortedKeys(found)
}
