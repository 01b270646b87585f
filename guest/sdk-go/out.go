package sdk

import "encoding/binary"

const (
	sendAction      = 1
	broadcastAction = 2
	setTimerAction  = 3
	commitAction    = 4
	reportAction    = 5
)

// Command is one that was executed.
type Command struct {
	Client, Sequence uint64
	Data             []byte
}

// Out is the answer in the making.
type Out struct {
	actions Writer
	count   uint16
}

// Send sends a message to a replica.
func (o *Out) Send(receiver uint16, message []byte) {
	o.begin(sendAction, 2+len(message))
	o.actions.U16(receiver)
	o.actions.Put(message)
}

// Broadcast sends to every other replica: a node hears itself within the event.
func (o *Out) Broadcast(message []byte) {
	o.begin(broadcastAction, len(message))
	o.actions.Put(message)
}

// SetTimer asks for a timeout of that view; only the last timer of a node counts.
func (o *Out) SetTimer(view uint64, delayMs uint32) {
	o.begin(setTimerAction, 12)
	o.actions.U64(view)
	o.actions.U32(delayMs)
}

// Commit says that a block is final, and which of its commands were executed.
func (o *Out) Commit(height uint64, block, application [32]byte, commands []Command) {
	size := 8 + 32 + 32 + 2
	for _, command := range commands {
		size += 20 + len(command.Data)
	}
	o.begin(commitAction, size)
	o.actions.U64(height)
	o.actions.Put(block[:])
	o.actions.Put(application[:])
	o.actions.U16(uint16(len(commands)))
	for _, command := range commands {
		o.actions.U64(command.Client)
		o.actions.U64(command.Sequence)
		o.actions.Sized(command.Data)
	}
}

// Report is the answer to a question, its only action.
func (o *Out) Report(bytes []byte) {
	o.begin(reportAction, len(bytes))
	o.actions.Put(bytes)
}

func (o *Out) begin(kind byte, size int) {
	o.count++
	o.actions.U8(kind)
	o.actions.U32(uint32(size))
}

func (o *Out) reset() {
	o.actions.Bytes = o.actions.Bytes[:0]
	o.count = 0
}

// frame appends the whole observation to to.
func (o *Out) frame(to []byte, outcome uint16, state [32]byte) []byte {
	to = binary.LittleEndian.AppendUint32(to, uint32(2+len(state)+2+len(o.actions.Bytes)))
	to = binary.LittleEndian.AppendUint16(to, outcome)
	to = append(to, state[:]...)
	to = binary.LittleEndian.AppendUint16(to, o.count)
	return append(to, o.actions.Bytes...)
}
