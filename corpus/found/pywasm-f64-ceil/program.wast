(module
  (memory 64 64)
  (func $f0 (export "f0") (result f64)
    (f64.ceil (f64.const -0x1.0000000000000p-1))
  )
)

(assert_return (invoke "f0") (f64.const -0x0.0p+0))
