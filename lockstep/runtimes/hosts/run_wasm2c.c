/* What a module that wasm2c turned into C is linked with: its imports, and a way to start it.

   Every iovec is checked, and only fds 0, 1 and 2 exist. `run` returns the guest's exit code; or -1
   after a trap, with its text in `said`. */

#include <limits.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest.h"
#include "wasm-rt-impl.h"

enum { SUCCESS = 0, BADF = 8, FAULT = 21, IO = 29, PARTS = 1024 };

struct Z_wasi_snapshot_preview1_instance_t {
  wasm_rt_memory_t *memory; /* set before the guest runs */
  jmp_buf leaving;
  uint32_t code;
};

typedef struct Z_wasi_snapshot_preview1_instance_t Wasi;
typedef ssize_t Syscall(int fd, const struct iovec *parts, int count);

static uint32_t word(const wasm_rt_memory_t *memory, uint64_t at) {
  const uint8_t *bytes = memory->data + at;
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Checks everything, then transfers once; more parts than the system takes are a short transfer. */
static uint32_t transfer(Wasi *wasi, Syscall *syscall, int fd, uint64_t vectors, uint64_t count,
                         uint64_t result) {
  wasm_rt_memory_t *memory = wasi->memory;
  struct iovec parts[PARTS];
  int used = 0;
  if (vectors + 8 * count > memory->size || result + 4 > memory->size) return FAULT;
  for (uint64_t at = vectors; at < vectors + 8 * count; at += 8) {
    uint64_t base = word(memory, at), size = word(memory, at + 4);
    if (base + size > memory->size) return FAULT;
    if (size && used < PARTS) parts[used++] = (struct iovec){memory->data + base, size};
  }
  ssize_t done = used ? syscall(fd, parts, used) : 0;
  if (done < 0) return IO;
  for (int i = 0; i < 4; i++) memory->data[result + i] = (uint8_t)((uint32_t)done >> 8 * i);
  return SUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_read(Wasi *wasi, u32 fd, u32 vectors, u32 count, u32 result) {
  return fd == 0 ? transfer(wasi, readv, fd, vectors, count, result) : BADF;
}

u32 Z_wasi_snapshot_preview1Z_fd_write(Wasi *wasi, u32 fd, u32 vectors, u32 count, u32 result) {
  return fd == 1 || fd == 2 ? transfer(wasi, writev, fd, vectors, count, result) : BADF;
}

void Z_wasi_snapshot_preview1Z_proc_exit(Wasi *wasi, u32 code) {
  wasi->code = code;
  longjmp(wasi->leaving, 1);
}

int64_t run(char *said, size_t room) {
  static Wasi wasi;
  static Z_guest_instance_t guest;
  wasm_rt_init();
  if (setjmp(wasi.leaving)) return wasi.code;
  wasm_rt_trap_t trap = wasm_rt_impl_try();
  if (trap != WASM_RT_TRAP_NONE) {
    snprintf(said, room, "%s", wasm_rt_strerror(trap));
    return -1;
  }
  wasi.memory = Z_guestZ_memory(&guest);
  Z_guest_init_module();
#ifdef IMPORTS
  Z_guest_instantiate(&guest, &wasi);
#else
  Z_guest_instantiate(&guest);
#endif
  Z_guestZ__start(&guest);
  return 0;
}
