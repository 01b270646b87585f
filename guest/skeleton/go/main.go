// A toy to start from: replica 0 puts commands in order, the others follow.
//
// It survives the loss of messages, but no liar and no lost leader. So it has three replicas at
// most: of three, none may be faulty.
package main

import (
	"encoding/hex"
	"slices"

	"lockstep/sdk"
)

const (
	leader  = 0
	timerMs = 100

	requestKind = 1
	entryKind   = 2
)

// What can come of an event; people read their names.
const (
	ordered uint16 = iota + 16
	forwarded
	followed
	old
	gap
	repeated
)

func main() { sdk.Run(algorithm{}) }

type algorithm struct{}

// Describe says what lockstep should know; options and mutations too, where there are any.
func (algorithm) Describe() sdk.Description {
	return sdk.Description{
		Name: "skeleton", Version: "1", Nodes: 16, Replicas: [2]uint16{1, 3},
		Outcomes: map[uint16]string{
			ordered: "ordered", forwarded: "forwarded", followed: "followed", old: "old", gap: "gap",
			repeated: "repeated",
		},
		Messages: []sdk.MessageKind{
			{Number: requestKind, Name: "request"}, {Number: entryKind, Name: "entry"},
		},
	}
}

// Start makes a node from nothing.
func (algorithm) Start(init sdk.Init, out *sdk.Out) (sdk.Node, uint16) {
	out.SetTimer(1, timerMs)
	return &node{replica: init.Replica, highest: map[uint64]uint64{}}, sdk.OK
}

// Decode gives a message for people.
func (algorithm) Decode(bytes []byte) (any, uint16) {
	m, ok := parse(bytes)
	if !ok {
		return nil, sdk.Malformed
	}
	return map[string]any{
		"kind": m.kind, "height": m.height, "client": m.Client, "sequence": m.Sequence,
		"data": hex.EncodeToString(m.Data),
	}, sdk.OK
}

// message is u8 kind | u64 height | u64 client | u64 sequence | data. The first byte is always the
// kind.
type message struct {
	kind   byte
	height uint64
	sdk.Command
}

func parse(bytes []byte) (message, bool) {
	r := sdk.Reader{Bytes: bytes}
	m := message{r.U8(), r.U64(), sdk.Command{Client: r.U64(), Sequence: r.U64(), Data: r.Rest()}}
	return m, r.Done() && (m.kind == requestKind || m.kind == entryKind)
}

func (m message) encode() []byte {
	w := sdk.Writer{}
	w.U8(m.kind)
	w.U64(m.height)
	w.U64(m.Client)
	w.U64(m.Sequence)
	w.Put(m.Data)
	return w.Bytes
}

// node is the whole state of one replica. highest is the highest sequence of each client: a command
// executes once.
type node struct {
	replica uint16
	height  uint64
	log     [32]byte
	highest map[uint64]uint64
}

// Command handles a client's command.
func (n *node) Command(client, sequence uint64, data []byte, out *sdk.Out) uint16 {
	request := message{requestKind, 0, sdk.Command{Client: client, Sequence: sequence, Data: data}}
	if n.replica == leader {
		return n.order(request, out)
	}
	out.Send(leader, request.encode())
	return forwarded
}

// Deliver handles a message of another replica.
func (n *node) Deliver(sender uint16, bytes []byte, out *sdk.Out) uint16 {
	m, ok := parse(bytes)
	switch {
	case ok && m.kind == requestKind && n.replica == leader:
		return n.order(m, out)
	case ok && m.kind == entryKind && sender == leader:
		return n.follow(m, out)
	}
	return sdk.Malformed
}

// Timeout handles the timer of a view. The toy has nothing to do then but to wait for the next.
func (n *node) Timeout(view uint64, out *sdk.Out) uint16 {
	out.SetTimer(view+1, timerMs)
	return sdk.OK
}

func (n *node) order(m message, out *sdk.Out) uint16 {
	if m.Sequence <= n.highest[m.Client] {
		return repeated
	}
	n.highest[m.Client] = m.Sequence
	m.kind, m.height = entryKind, n.height+1
	out.Broadcast(m.encode())
	n.execute(m, out)
	return ordered
}

func (n *node) follow(m message, out *sdk.Out) uint16 {
	switch {
	case m.height <= n.height:
		return old
	case m.height > n.height+1:
		return gap
	}
	n.execute(m, out)
	return followed
}

// execute makes a command final, and tells everybody.
func (n *node) execute(m message, out *sdk.Out) {
	n.height = m.height
	n.log = sdk.NewHash().Bytes(n.log[:]).U64(m.Client, m.Sequence).Bytes(m.Data).Sum()
	out.Commit(m.height, n.log, n.log, []sdk.Command{m.Command})
}

// Forge would change a message and sign it again; the toy knows no lies.
func (n *node) Forge(uint16, uint64, []byte, *sdk.Out) uint16 { return sdk.Unsupported }

// StateHash is a function of the present state, whatever the way to it.
func (n *node) StateHash() [32]byte {
	h := sdk.NewHash().U64(n.height).Bytes(n.log[:])
	clients := []uint64{}
	for client := range n.highest {
		clients = append(clients, client)
	}
	slices.Sort(clients) // a map has another order each time
	for _, client := range clients {
		h.U64(client, n.highest[client])
	}
	return h.Sum()
}

// Inspect gives the state for people.
func (n *node) Inspect() any {
	return map[string]any{
		"replica": n.replica, "height": n.height, "log": hex.EncodeToString(n.log[:]),
	}
}
