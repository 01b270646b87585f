package main

import (
	"encoding/hex"

	"lockstep/sdk"
)

// StateHash covers what can be seen of relab from outside, and all that is ours.
func (n *node) StateHash() [32]byte {
	h := sdk.NewHash()
	e := encoder{}
	e.sync(n.sync.SyncInfo())
	h.U64(uint64(n.sync.View()), n.commands.height, uint64(len(n.commands.pending))).Bytes(e.Bytes)
	h.Bytes(n.commands.head[:]).Bytes(n.commands.state[:]).Bytes([]byte(n.turn.fault))
	for _, command := range n.commands.pending {
		h.U64(command.Client, command.Sequence).Bytes(command.Data)
	}
	if n.turn.waiting {
		h.Bytes(n.turn.wanted[:])
	}
	for _, bytes := range n.waiting {
		h.Bytes(bytes)
	}
	return h.Sum()
}

// Inspect gives the state for people.
func (n *node) Inspect() any {
	waitsFor := ""
	if n.turn.waiting {
		waitsFor = hex.EncodeToString(n.turn.wanted[:])
	}
	return struct {
		Replica     uint16 `json:"replica"`
		View        uint64 `json:"view"`
		Sync        any    `json:"sync"`
		Height      uint64 `json:"height"`
		Head        string `json:"head"`
		Application string `json:"application"`
		Pending     int    `json:"pending"`
		WaitsFor    string `json:"waits for"`
		Queued      int    `json:"queued"`
		Panic       string `json:"panic"`
	}{
		n.init.Replica, uint64(n.sync.View()), tellSync(n.sync.SyncInfo()), n.commands.height,
		hex.EncodeToString(n.commands.head[:]), hex.EncodeToString(n.commands.state[:]),
		len(n.commands.pending), waitsFor, len(n.waiting), n.turn.fault,
	}
}
