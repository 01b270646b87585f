// HotStuff as the University of Stavanger wrote it (github.com/relab/hotstuff, MIT licence), as a
// guest. The algorithm is an unmodified dependency. Here is only what it leaves to whoever uses it:
// a network, keys, a queue of commands, an executor, and clocks.
package main

import "lockstep/sdk"

func main() {
	sdk.Run(algorithm{})
}
