;; Writes one byte to each fd from 3 to 1023 and reads one; stdout: the u32 count that succeeded.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "\10\00\00\00\01\00\00\00")
  (data (i32.const 24) "\20\00\00\00\04\00\00\00")
  (func $count (param $errno i32)
    (i32.store (i32.const 32) (i32.add (i32.load (i32.const 32)) (i32.eqz (local.get $errno)))))
  (func (export "_start") (local $fd i32)
    (local.set $fd (i32.const 3))
    (loop $next
      (call $count (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
      (call $count (call $read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 1024))))
    (drop (call $write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 8)))))
