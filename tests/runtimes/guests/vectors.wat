;; Writes 5,000 bytes through 5,000 vectors at once, more than a system call takes, and goes on
;; behind what was written until all is.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2 2)
  (func (export "_start") (local $i i32)
    (loop $next ;; vector i at 1024 + 8 i: one byte at 65536 + i, which is i modulo 256
      (i32.store offset=1024 (i32.shl (local.get $i) (i32.const 3))
        (i32.add (i32.const 65536) (local.get $i)))
      (i32.store offset=1028 (i32.shl (local.get $i) (i32.const 3)) (i32.const 1))
      (i32.store8 offset=65536 (local.get $i) (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 5000))))
    (local.set $i (i32.const 0))
    (loop $rest
      (if (call $write (i32.const 1)
            (i32.add (i32.const 1024) (i32.shl (local.get $i) (i32.const 3)))
            (i32.sub (i32.const 5000) (local.get $i))
            (i32.const 8))
        (then (call $exit (i32.const 3))))
      (local.set $i (i32.add (local.get $i) (i32.load (i32.const 8))))
      (br_if $rest (i32.lt_u (local.get $i) (i32.const 5000))))))
