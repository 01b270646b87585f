package main

import "fmt"

// Outcomes, beyond what every guest shares. What relab does not do, it only says in its log; so
// the first line that it logs in an event is the outcome, where it is one of these.
const (
	nothingNew uint16 = iota + 16
	committed
	voted
	enteredView
	proposed
	timedOut
	panicked
	waitsForBlock
	queuedMessage
	queueFull
	blockSent
	blockUnknown
	blockNotAskedFor
	stranger
	stuck
	commandQueued
	commandKnown
	commandExecuted
	commandsFull
	logged // and those after it, in the order of logLines
)

var names = [...]string{
	"nothing new", "committed", "voted", "entered view", "proposed", "timed out", "panicked",
	"waits for block", "message queued", "queue full", "block sent", "block unknown",
	"block not asked for", "stranger", "stuck", "command queued", "duplicate command",
	"command executed", "command table full",
}

// logLines are what relab logs, each with the outcome that it means.
var logLines = []struct{ text, name string }{
	{"OnPropose: failed to verify aggregate QC", "bad aggregate certificate"},
	{"OnPropose: block QC does not equal highQC", "certificate is not the highest"},
	{"OnPropose: invalid QC", "bad certificate in block"},
	{"OnPropose: block was not proposed by the expected leader", "wrong leader"},
	{"OnPropose: Block not voted for", "unsafe block"},
	{"OnPropose: Failed to fetch qcBlock", "certified block missing"},
	{"OnPropose: command not accepted", "bad batch"},
	{"OnPropose: block view too old", "stale block"},
	{"OnVote: Vote could not be verified!", "bad vote"},
	{"OnVote: could not create QC for block: ", "votes do not combine"},
	{"Timeout Certificate could not be verified!", "bad timeout certificate"},
	{"Quorum Certificate could not be verified!", "bad certificate"},
	{"Aggregated Quorum Certificate could not be verified", "bad aggregate certificate in sync"},
	{"updateHighQC: Could not find block referenced by new QC!", "block of certificate missing"},
	{"failed to commit: %v", "ancestor missing"},
	{"eddsaBase: got signature from replica whose ID (%d) was not in the config.", "unknown signer"},
}

func outcomeNames() map[uint16]string {
	found := map[uint16]string{}
	for at, name := range names {
		found[nothingNew+uint16(at)] = name
	}
	for at, line := range logLines {
		found[logged+uint16(at)] = line.name
	}
	return found
}

// logger hears what relab says. It is a logging.Logger.
type logger struct{ first uint16 }

func (l *logger) hear(args []any) {
	if len(args) > 0 {
		l.hearf(fmt.Sprint(args[0]))
	}
}

func (l *logger) hearf(template string) {
	for at, line := range logLines {
		if l.first == 0 && line.text == template {
			l.first = logged + uint16(at)
		}
	}
}

func (l *logger) Debug(...any)                    {}
func (l *logger) Debugf(string, ...any)           {}
func (l *logger) Info(args ...any)                { l.hear(args) }
func (l *logger) Infof(template string, _ ...any) { l.hearf(template) }
func (l *logger) Warn(args ...any)                { l.hear(args) }
func (l *logger) Warnf(template string, _ ...any) { l.hearf(template) }
func (l *logger) Error(args ...any)               { l.hear(args) }
func (l *logger) Errorf(template string, _ ...any) {
	l.hearf(template)
}

// A development panic is none in a release, as with the logger that relab ships.
func (l *logger) DPanic(...any)          {}
func (l *logger) DPanicf(string, ...any) {}

func (l *logger) Panic(args ...any)                   { panic(fmt.Sprint(args...)) }
func (l *logger) Panicf(template string, args ...any) { panic(fmt.Sprintf(template, args...)) }
func (l *logger) Fatal(args ...any)                   { panic(fmt.Sprint(args...)) }
func (l *logger) Fatalf(template string, args ...any) { panic(fmt.Sprintf(template, args...)) }
