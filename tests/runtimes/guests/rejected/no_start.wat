;; Has no _start.
(module
  (memory (export "memory") 1 1)
  (func (export "start")))
