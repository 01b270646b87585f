(module
  (memory 64 64)
  (func $f0 (export "f0") (result i32)
    (local i32 i32)
    (local.tee 0 (i32.sub (i32.const 5) (local.tee 1 (local.tee 0 (i32.const 2)))))
  )
)

(assert_return (invoke "f0") (i32.const 3))
