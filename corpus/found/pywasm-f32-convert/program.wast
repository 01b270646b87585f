(module
  (memory 64 64)
  (func $f0 (export "f0") (result f32)
    (f32.convert_i64_u (i64.const 0x7fffffbfffffffff))
  )
)

(assert_return (invoke "f0") (f32.const 0x1.fffffe0000000p+62))
