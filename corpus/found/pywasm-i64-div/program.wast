(module
  (memory 64 64)
  (func $f0 (export "f0") (result i64)
    (i64.div_u (i64.const 0x8000000000000000) (i64.const 1))
  )
)

(assert_return (invoke "f0") (i64.const 0x8000000000000000))
