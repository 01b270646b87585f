(module
  (memory 64 64)
  (func $f0 (export "f0") (result v128)
    (i16x8.shr_s
      (v128.const i32x4 0x00000000 0x00000000 0x00000000 0xf0000000)
      (i32.const 0x80000003)
    )
  )
)

(assert_return (invoke "f0") (v128.const i32x4 0x00000000 0x00000000 0x00000000 0xfe000000))
