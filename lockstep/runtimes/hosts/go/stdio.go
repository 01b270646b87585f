package main

import (
	"io"
	"os"

	"github.com/tetratelabs/wazero/api"
)

const (
	success = 0
	badf    = 8
	fault   = 21
	ioError = 29
)

// Stdio is a guest's fds 0, 1 and 2; it may write `room` bytes.
type Stdio struct {
	files [3]*os.File
	room  int64
}

func (stdio *Stdio) read(memory api.Memory, fd, vectors, count, result uint32) uint32 {
	if fd != 0 {
		return badf
	}
	return transfer(memory, vectors, count, result, func(part []byte) (int, error) {
		done, err := stdio.files[0].Read(part)
		if err == io.EOF {
			return 0, nil
		}
		return done, err
	})
}

func (stdio *Stdio) write(memory api.Memory, fd, vectors, count, result uint32) uint32 {
	if fd != 1 && fd != 2 {
		return badf
	}
	return transfer(memory, vectors, count, result, func(part []byte) (int, error) {
		if stdio.room -= int64(len(part)); stdio.room < 0 {
			panic(End{End: "limit", Text: "output"})
		}
		return stdio.files[fd].Write(part)
	})
}

// transfer checks everything, then moves the first part that is not empty, once: a short transfer
// is lawful.
func transfer(
	memory api.Memory, vectors, count, result uint32, move func([]byte) (int, error),
) uint32 {
	size := uint64(memory.Size())
	if uint64(vectors)+8*uint64(count) > size || uint64(result)+4 > size {
		return fault
	}
	var part []byte
	for at := vectors; at < vectors+8*count; at += 8 {
		base, _ := memory.ReadUint32Le(at)
		length, _ := memory.ReadUint32Le(at + 4)
		bytes, inside := memory.Read(base, length)
		if !inside {
			return fault
		}
		if part == nil && length > 0 {
			part = bytes
		}
	}
	done := 0
	if part != nil {
		var err error
		if done, err = move(part); err != nil {
			return ioError
		}
	}
	memory.WriteUint32Le(result, uint32(done))
	return success
}
