(module
  (memory 64 64)
  (func $f0 (export "f0") (result f32)
    (f32.convert_i64_u (i64.const 0x8000000000000001))
  )
)

(assert_return (invoke "f0") (f32.const 0x1.0000000000000p+63))
