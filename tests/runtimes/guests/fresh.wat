;; Counts its runs in a global and in memory: stdout is "11" unless an instance is used again. On
;; stderr it claims to have trapped.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (global $runs (mut i32) (i32.const 48))
  (data (i32.const 0) "\10\00\00\00\02\00\00\00")
  (data (i32.const 16) "00")
  (data (i32.const 24) "\20\00\00\00\0a\00\00\00trap: none")
  (func (export "_start")
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (i32.store8 (i32.const 17) (i32.add (i32.load8_u (i32.const 17)) (i32.const 1)))
    (i32.store8 (i32.const 16) (global.get $runs))
    (drop (call $write (i32.const 2) (i32.const 24) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
