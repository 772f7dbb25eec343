/**
 * The C library. It needs `--allow-ffi` and no other permission. All calls but `epoll_wait` are synchronous: the kernel
 * answers each within microseconds.
 *
 * @module
 */

const SYMBOLS = {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // The only call that waits: it does so in another thread. The other one is for what is there already.
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
  epoll_poll: { name: "epoll_wait", parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  setfsgid: { parameters: ["u32"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The C library, or the reason for its absence, once loaded. */
let loaded: Libc | string | undefined;

/** The C library, or the reason for its absence as the end of a sentence. */
export function libc(): Libc | string {
  return loaded ??= load();
}

function load(): Libc | string {
  if (Deno.build.os !== "linux") return `needs Linux; this is ${Deno.build.os}`;
  let reason = "";
  for (const name of ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]) {
    try {
      return Deno.dlopen(name, SYMBOLS).symbols;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return "needs the permission --allow-ffi";
      reason ||= String(error);
    }
  }
  return `needs the C library: ${reason}`;
}

/** Reports whether this process can call the C library; `why` names the missing requirement, for a message at start. */
export function hasNativeHelper(): { ok: true } | { ok: false; why: string } {
  const found = libc();
  return typeof found === "string" ? { ok: false, why: found } : { ok: true };
}

export function errno(c: Libc): number {
  const location = c.__errno_location();
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
}
