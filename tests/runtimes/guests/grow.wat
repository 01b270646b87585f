;; Grows its memory by the i32 that it reads; writes what that answered and the size afterwards.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 3)
  (data (i32.const 0) "\10\00\00\00\04\00\00\00")
  (data (i32.const 24) "\20\00\00\00\08\00\00\00")
  (func (export "_start") (local $answer i32)
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $answer (memory.grow (i32.load (i32.const 16))))
    (i32.store (i32.const 32) (local.get $answer))
    (i32.store (i32.const 36) (memory.size))
    (drop (call $write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 8)))))
