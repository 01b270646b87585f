package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/tetratelabs/wazero"
)

const (
	compiledMax = 16
	textMax     = 4096
)

// A Job is one line of stdin.
type Job struct {
	ID          json.Number
	Module      string
	Stdin       string
	Stdout      string
	Stderr      string
	OutputBytes int64 `json:"output_bytes"`
	Reuse       bool
}

// An Answer is one line of stdout.
type Answer struct {
	ID json.Number `json:"id"`
	End
	CPUSeconds float64 `json:"cpu_s"`
}

// A Server keeps what it compiled, by a file's name and state.
type Server struct {
	*Engine
	compiled map[string]wazero.CompiledModule
}

func serve(engine *Engine) {
	server := &Server{engine, map[string]wazero.CompiledModule{}}
	answers := json.NewEncoder(os.Stdout)
	_ = answers.Encode(map[string]any{"ready": true, "version": version()})
	jobs := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var job Job
		if jobs.Decode(&job) != nil {
			return
		}
		before := cpuSeconds()
		end := server.do(&job)
		end.Text = end.Text[:min(len(end.Text), textMax)]
		_ = answers.Encode(Answer{job.ID, end, cpuSeconds() - before})
	}
}

func (server *Server) do(job *Job) (end End) {
	stdio, err := job.open()
	defer stdio.close()
	if err != nil {
		return faulty(err.Error())
	}
	compiled, err := server.compiledOf(job)
	if err != nil {
		if errors.As(err, &end) {
			return end
		}
		return faulty(err.Error())
	}
	if !job.Reuse {
		defer compiled.Close(background)
	}
	return server.run(compiled, stdio)
}

func (job *Job) open() (*Stdio, error) {
	stdio, errs := &Stdio{room: job.OutputBytes}, [3]error{}
	stdio.files[0], errs[0] = os.Open(job.Stdin)
	stdio.files[1], errs[1] = os.Create(job.Stdout)
	stdio.files[2], errs[2] = os.Create(job.Stderr)
	return stdio, errors.Join(errs[:]...)
}

func (stdio *Stdio) close() {
	for _, file := range stdio.files {
		file.Close()
	}
}

func (server *Server) compiledOf(job *Job) (wazero.CompiledModule, error) {
	info, err := os.Stat(job.Module)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprint(job.Module, info.Size(), info.ModTime())
	if compiled := server.compiled[key]; compiled != nil {
		return compiled, nil
	}
	module, err := os.ReadFile(job.Module)
	if err != nil {
		return nil, err
	}
	compiled, err := server.compile(module)
	if err != nil || !job.Reuse {
		return compiled, err
	}
	for known, old := range server.compiled { // one of them, as it comes
		if len(server.compiled) < compiledMax {
			break
		}
		old.Close(background)
		delete(server.compiled, known)
	}
	server.compiled[key] = compiled
	return compiled, nil
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
