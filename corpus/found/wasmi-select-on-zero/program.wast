(module
  (memory 64 64)
  (func $f0 (export "f0") (param i32 i32) (result i32)
    (select (i32.const 1) (i32.const 0) (i32.eqz (local.get 0)))
  )
)

(assert_return (invoke "f0" (i32.const 1) (i32.const 0)) (i32.const 0))
