(module
  (memory 64 64)
  (func $f0 (export "f0") (param f32) (result f32)
    (local.get 0)
  )
)

(assert_return (invoke "f0" (f32.const nan:0x1)) (f32.const nan:0x1))
