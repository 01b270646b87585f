"""Known bugs of real runtimes, and whether they are still seen: `corpus/known`."""
