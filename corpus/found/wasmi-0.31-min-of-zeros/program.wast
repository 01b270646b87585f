(module
  (memory 64 64)
  (func $f0 (export "f0") (result f64)
    (f64.min (f64.const 0x0.0p+0) (f64.const -0x0.0p+0))
  )
)

(assert_return (invoke "f0") (f64.const -0x0.0p+0))
