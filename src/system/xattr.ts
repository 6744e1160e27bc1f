/** Reading extended attributes (xattr(7)) of open files and of paths, links not followed. */
import { lastErrno, libc, SystemCallError } from "./libc.ts";

const calls = libc({
  llistxattr: { args: ["ptr", "ptr", "u64"], returns: "i64" },
  listxattr: { args: ["ptr", "ptr", "u64"], returns: "i64" },
  lgetxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i64" },
  getxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i64" },
});

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of linux/limits.h. */
const maxBytes = 65536;
const buffer = Buffer.alloc(maxBytes);

// flistxattr(2) takes no descriptor that only names (O_PATH): this leads to what it names, link or not
const named = (descriptor: number): Buffer => bytes(`/proc/self/fd/${descriptor}`);

const bytes = (text: string): Buffer => Buffer.from(`${text}\0`, "latin1");

/** Names, as byte strings; none where the file system has no attributes. */
export function listXattrs(at: string | number): string[] {
  const size = Number(
    typeof at === "number"
      ? calls.listxattr(named(at), buffer, BigInt(maxBytes))
      : calls.llistxattr(bytes(at), buffer, BigInt(maxBytes)),
  );
  if (size < 0) {
    const errno = lastErrno();
    if (errno === "EOPNOTSUPP") return [];
    throw new SystemCallError(errno, "list extended attributes");
  }
  return buffer
    .toString("latin1", 0, size)
    .split("\0")
    .filter((name) => name !== "");
}

/** The value; undefined when it has gone meanwhile, or may not be read. */
export function readXattr(at: string | number, name: string): Buffer | undefined {
  const size = Number(
    typeof at === "number"
      ? calls.getxattr(named(at), bytes(name), buffer, BigInt(maxBytes))
      : calls.lgetxattr(bytes(at), bytes(name), buffer, BigInt(maxBytes)),
  );
  if (size >= 0) return Buffer.from(buffer.subarray(0, size));
  const errno = lastErrno();
  if (["ENODATA", "EPERM", "EACCES", "EOPNOTSUPP"].includes(errno)) return undefined;
  throw new SystemCallError(errno, `read the extended attribute ${name}`);
}

/** Whether a file system stores attributes of that kind at all. */
export function supportsXattr(path: string, name: string): boolean {
  const size = calls.lgetxattr(bytes(path), bytes(name), buffer, BigInt(maxBytes));
  return Number(size) >= 0 || lastErrno() !== "EOPNOTSUPP";
}
