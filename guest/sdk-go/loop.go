package sdk

import (
	"encoding/binary"
	"io"
	"os"
)

const (
	eventSizeMin = 3
	eventSizeMax = 1 << 20
	inputSize    = 64 << 10
	outputFull   = 64 << 10

	exitEndOfInput = 0
	exitBadFrame   = 65
	exitIO         = 74
)

// stream is the guest's stdio. Answers wait in output while the input holds a complete event, or
// until there are many of them.
type stream struct {
	input, left, event, output []byte
}

func run(d *dispatch) {
	s := &stream{input: make([]byte, inputSize), event: make([]byte, eventSizeMax)}
	for {
		event := s.next()
		s.output = d.answer(event, s.output)
		if len(s.output) >= outputFull {
			s.flush()
		}
	}
}

// next gives what follows the size of the next event; at the end of input the guest ends.
func (s *stream) next() []byte {
	var head [4]byte
	if !s.fill(head[:]) {
		s.exit(exitEndOfInput)
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size < eventSizeMin || size > eventSizeMax || !s.fill(s.event[:size]) {
		s.exit(exitBadFrame)
	}
	return s.event[:size]
}

// fill fills into, or says that the input ended before its first byte.
func (s *stream) fill(into []byte) bool {
	for done := 0; done < len(into); {
		if len(s.left) == 0 && !s.refill() {
			if done > 0 {
				s.exit(exitBadFrame)
			}
			return false
		}
		count := copy(into[done:], s.left)
		s.left = s.left[count:]
		done += count
	}
	return true
}

// refill reads on. The input holds no complete event now, so everybody hears the answers first.
func (s *stream) refill() bool {
	s.flush()
	count, err := os.Stdin.Read(s.input)
	if err != nil && err != io.EOF {
		os.Exit(exitIO)
	}
	s.left = s.input[:count]
	return count > 0
}

func (s *stream) flush() {
	if len(s.output) == 0 {
		return
	}
	if _, err := os.Stdout.Write(s.output); err != nil {
		os.Exit(exitIO)
	}
	s.output = s.output[:0]
}

func (s *stream) exit(code int) {
	s.flush()
	os.Exit(code)
}
