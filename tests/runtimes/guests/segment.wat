;; An element segment that does not fit its table: nothing of the guest may run.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (table 4 funcref)
  (elem (i32.const 4) $start)
  (data (i32.const 24) "\20\00\00\00\02\00\00\00ok")
  (func $start (export "_start")
    (drop (call $write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 8)))))
