/** The C library through FFI: how the files of this room declare functions and read errno. */
import { dlopen, type FFIFunction, type Pointer, read } from "bun:ffi";

const errnoLocation = dlopen("libc.so.6", { __errno_location: { args: [], returns: "ptr" } })
  .symbols.__errno_location;

/**
 * Loads functions of libc. Each costs about 16 µs, so a file declares just those that it uses.
 * Arguments that point at memory take a TypedArray, or `null`.
 */
export function libc<const F extends Record<string, FFIFunction>>(functions: F) {
  return dlopen("libc.so.6", functions).symbols;
}

/** A NUL-terminated string for a system call; a NUL inside would silently cut it, so it is refused. */
export function cString(text: string): Buffer {
  if (text.includes("\0"))
    throw new SystemCallError("EINVAL", `NUL byte in ${JSON.stringify(text)}`);
  return Buffer.from(`${text}\0`);
}

// errno(3), asm-generic/errno-base.h and errno.h: those that we meet or name
const names: Record<number, string> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  7: "E2BIG",
  8: "ENOEXEC",
  9: "EBADF",
  10: "ECHILD",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  25: "ENOTTY",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  29: "ESPIPE",
  30: "EROFS",
  31: "EMLINK",
  32: "EPIPE",
  33: "EDOM",
  34: "ERANGE",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  39: "ENOTEMPTY",
  40: "ELOOP",
  61: "ENODATA",
  71: "EPROTO",
  75: "EOVERFLOW",
  87: "EUSERS",
  88: "ENOTSOCK",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  93: "EPROTONOSUPPORT",
  94: "ESOCKTNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  104: "ECONNRESET",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH",
  116: "ESTALE",
  117: "EUCLEAN",
  122: "EDQUOT",
};

/** The name of the last error of this thread. Read it at once: the next call may change it. */
export function lastErrno(): string {
  const number = read.i32(errnoLocation() as Pointer);
  return names[number] ?? `E${number}`;
}

/** A system call that failed; `code` is errno's name, as on the errors of `node:fs`. */
export class SystemCallError extends Error {
  readonly code: string;

  constructor(code: string, what: string) {
    super(`${what}: ${code}`);
    this.name = "SystemCallError";
    this.code = code;
  }
}

/** Passes on what a call returned, or throws what errno says when that is negative. */
export function check(result: number | bigint, what: string): number {
  if (result < 0) throw new SystemCallError(lastErrno(), what);
  return Number(result);
}
