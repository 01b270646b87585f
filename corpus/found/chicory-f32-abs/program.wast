(module
  (memory 64 64)
  (func $f0 (export "f0") (result f32)
    (f32.abs (f32.const -nan:0x1))
  )
)

(assert_return (invoke "f0") (f32.const nan:0x1))
