(module
  (memory 64 64)
  (func $f0 (export "f0") (result f64)
    (f64.convert_i64_u (i64.const 0xfffffffffffffc00))
  )
)

(assert_return (invoke "f0") (f64.const 0x1.0000000000000p+64))
