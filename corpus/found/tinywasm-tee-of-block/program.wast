(module
  (memory 64 64)
  (func $f0 (export "f0") (result i64)
    (local i64 i64)
    (local.tee 1
      (if $l0 (result i64) (i32.const 1) (then (i64.const 1)) (else (local.get 0)))
    )
  )
)

(assert_return (invoke "f0") (i64.const 1))
