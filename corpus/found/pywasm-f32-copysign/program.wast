(module
  (memory 64 64)
  (func $f0 (export "f0") (result f32)
    (f32.copysign (f32.const -nan:0x1) (f32.const 0x1.0000000000000p+0))
  )
)

(assert_return (invoke "f0") (f32.const nan:0x1))
