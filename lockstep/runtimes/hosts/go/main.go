// Runs a guest, a WASI command that needs only stdin and stdout, on wazero.
//
//	run_wazero [--tier compiler|interpreter] MODULE
//	run_wazero [--tier compiler|interpreter] --serve
//
// The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
// trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
// stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.
//
// With `--serve` it takes jobs, one JSON object a line on stdin, and answers each in one line on
// stdout: {id, module, stdin, stdout, stderr, output_bytes, reuse} -> {id, end, code, text, cpu_s}.
// A module is compiled once where it is used again; each job has an instance of its own.
package main

import (
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/tetratelabs/wazero"
)

// An End is the way a guest ended.
type End struct {
	End  string `json:"end"`
	Code int    `json:"code"`
	Text string `json:"text"`
}

func (end End) Error() string { return end.End + ": " + end.Text }

func exited(code uint32) End {
	if code > 125 {
		return trapped(fmt.Sprintf("exit code %d is not in 0..125", int32(code)))
	}
	return End{End: "exit", Code: int(code)}
}

func trapped(text string) End  { return End{"trap", 134, oneLine(text)} }
func rejected(text string) End { return End{"rejected", 126, oneLine(text)} }
func faulty(text string) End   { return End{"host", 127, oneLine(text)} }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

var tiers = map[string]func() wazero.RuntimeConfig{
	"compiler":    wazero.NewRuntimeConfigCompiler,
	"interpreter": wazero.NewRuntimeConfigInterpreter,
}

func main() {
	arguments, tier := os.Args[1:], "compiler"
	if len(arguments) > 1 && arguments[0] == "--tier" {
		arguments, tier = arguments[2:], arguments[1]
	}
	config := tiers[tier]
	switch {
	case len(arguments) != 1 || config == nil:
		leave(faulty("expected [--tier compiler|interpreter] MODULE or --serve"))
	case arguments[0] == "--serve":
		serve(newEngine(config()))
	default:
		leave(filter(newEngine(config()), arguments[0]))
	}
}

func filter(engine *Engine, path string) End {
	module, err := os.ReadFile(path)
	if err != nil {
		return faulty(err.Error())
	}
	compiled, err := engine.compile(module)
	if err != nil {
		return err.(End)
	}
	return engine.run(compiled, &Stdio{[3]*os.File{os.Stdin, os.Stdout, os.Stderr}, math.MaxInt64})
}

func leave(end End) {
	if end.End != "exit" {
		fmt.Fprintf(os.Stderr, "\n%v\n", end)
	}
	os.Exit(end.Code)
}
