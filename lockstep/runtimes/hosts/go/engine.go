package main

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const wasi = "wasi_snapshot_preview1"

var known = map[string]bool{"fd_read": true, "fd_write": true, "proc_exit": true}

var background = context.Background()

// An Engine is wazero with the three functions, which serve one guest at a time.
type Engine struct {
	wazero.Runtime
	stdio *Stdio
}

func newEngine(config wazero.RuntimeConfig) *Engine {
	engine := &Engine{Runtime: wazero.NewRuntimeWithConfig(background, config)}
	_, err := engine.NewHostModuleBuilder(wasi).
		NewFunctionBuilder().WithFunc(engine.fdRead).Export("fd_read").
		NewFunctionBuilder().WithFunc(engine.fdWrite).Export("fd_write").
		NewFunctionBuilder().WithFunc(procExit).Export("proc_exit").
		Instantiate(background)
	if err != nil {
		leave(faulty(err.Error()))
	}
	return engine
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/tetratelabs/wazero" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}

// compile takes a module, unless it imports more than the three functions or is no guest.
func (engine *Engine) compile(module []byte) (wazero.CompiledModule, error) {
	compiled, err := engine.CompileModule(background, module)
	if err != nil {
		return nil, rejected(err.Error())
	}
	for _, wanted := range compiled.ImportedFunctions() {
		source, name, _ := wanted.Import()
		if source != wasi || !known[name] {
			return nil, rejected("imports " + source + "." + name)
		}
	}
	for _, wanted := range compiled.ImportedMemories() {
		source, name, _ := wanted.Import()
		return nil, rejected("imports " + source + "." + name)
	}
	if compiled.ExportedFunctions()["_start"] == nil {
		return nil, rejected("exports no _start")
	}
	if compiled.ExportedMemories()["memory"] == nil {
		return nil, rejected("exports no memory")
	}
	return compiled, nil
}

// run calls `_start` of a fresh instance and tells how that ended.
func (engine *Engine) run(compiled wazero.CompiledModule, stdio *Stdio) End {
	engine.stdio = stdio
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	instance, err := engine.InstantiateModule(background, compiled, config)
	if err != nil {
		return ending(err)
	}
	defer instance.Close(background)
	_, err = instance.ExportedFunction("_start").Call(background)
	return ending(err)
}

// ending is the way a call ended; wazero puts a trace of the stack behind a trap's reason.
func ending(err error) End {
	var end End
	switch {
	case err == nil:
		return exited(0)
	case errors.As(err, &end):
		return end
	}
	reason, _, _ := strings.Cut(err.Error(), "\nwasm stack trace:")
	return trapped(reason)
}

func (engine *Engine) fdRead(
	_ context.Context, guest api.Module, fd, vectors, count, result uint32,
) uint32 {
	return engine.stdio.read(guest.Memory(), fd, vectors, count, result)
}

func (engine *Engine) fdWrite(
	_ context.Context, guest api.Module, fd, vectors, count, result uint32,
) uint32 {
	return engine.stdio.write(guest.Memory(), fd, vectors, count, result)
}

func procExit(_ context.Context, code uint32) { panic(exited(code)) }
