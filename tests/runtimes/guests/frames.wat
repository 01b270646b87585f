;; Answers each frame (u32 size, then as many bytes) with itself, as soon as it is whole. Exits with
;; 0 at the end of input between frames, with 65 inside of one.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2 2)
  (global $end (mut i32) (i32.const 1024))
  (func $fill (result i32) ;; reads once; how many bytes came
    (i32.store (i32.const 0) (global.get $end))
    (i32.store (i32.const 4) (i32.sub (i32.const 131072) (global.get $end)))
    (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $exit (i32.const 2))))
    (global.set $end (i32.add (global.get $end) (i32.load (i32.const 8))))
    (i32.load (i32.const 8)))
  (func $say (param $at i32) (param $size i32)
    (loop $rest
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $size))
      (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $exit (i32.const 3))))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
      (local.set $size (i32.sub (local.get $size) (i32.load (i32.const 8))))
      (br_if $rest (local.get $size))))
  (func $drop (param $size i32) (local $at i32) ;; moves what is behind the first frame to the front
    (local.set $at (i32.const 1024))
    (block $done
      (loop $next
        (br_if $done
          (i32.ge_u (i32.add (local.get $at) (local.get $size)) (global.get $end)))
        (i32.store8 (local.get $at) (i32.load8_u (i32.add (local.get $at) (local.get $size))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (global.set $end (i32.sub (global.get $end) (local.get $size))))
  (func (export "_start") (local $size i32)
    (loop $more
      (block $partial
        (br_if $partial (i32.lt_u (global.get $end) (i32.const 1028)))
        (local.set $size (i32.add (i32.const 4) (i32.load (i32.const 1024))))
        (br_if $partial
          (i32.gt_u (local.get $size) (i32.sub (global.get $end) (i32.const 1024))))
        (call $say (i32.const 1024) (local.get $size))
        (call $drop (local.get $size))
        (br $more))
      (br_if $more (call $fill)))
    (if (i32.gt_u (global.get $end) (i32.const 1024)) (then (call $exit (i32.const 65))))))
