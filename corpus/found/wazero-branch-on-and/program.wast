(module
  (memory 64 64)
  (func $f0 (export "f0") (result i32)
    (if $l0 (result i32)
      (i32.lt_u (i32.const 0) (i32.and (i32.const 1) (i32.const 1)))
      (then (i32.const 1))
      (else (i32.const 0))
    )
  )
)

(assert_return (invoke "f0") (i32.const 1))
