;; Needs an import from a module that does not exist.
(module
  (import "env" "fd_write" (func (param i32)))
  (memory (export "memory") 1 1)
  (func (export "_start")))
