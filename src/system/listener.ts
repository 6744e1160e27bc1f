/** Sockets that a service listens on: made under a lock, or handed to us by systemd. */
import {
  chmodSync,
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { dirname } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import { type FileLock, tryLock } from "./lock.ts";
import { connectPackets } from "./pipe.ts";

/** sd_listen_fds(3): descriptors from 3 on, if they are meant for this process. Forgets them in the environment. */
export function inheritedSockets(): number[] {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  delete process.env.LISTEN_PID;
  delete process.env.LISTEN_FDS;
  delete process.env.LISTEN_FDNAMES;
  const count = Number(LISTEN_FDS ?? 0);
  if (!Number.isInteger(count) || count < 1 || count > 16) return [];
  if (Number(LISTEN_PID) !== process.pid) return [];
  return Array.from({ length: count }, (_, at) => 3 + at);
}

/** The path of a socket that is ours alone to listen on, until it is disposed. */
export class SocketPath implements Disposable {
  readonly path: string;
  private readonly lock: FileLock;
  private readonly lockFile: string;

  /** @throws CooperError conflict while another service listens there; what a dead one left is taken away */
  constructor(path: string) {
    this.path = path;
    if (Buffer.byteLength(path) > 107)
      throw new CooperError("invalid-argument", `the path of the socket is too long: ${path}`);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.lockFile = `${path}.lock`;
    const lock = tryLock(this.lockFile, "exclusive");
    if (lock === undefined)
      throw new CooperError("conflict", `a service listens on ${path} already`);
    this.lock = lock;
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there !== undefined && !there.isSocket()) {
      lock[Symbol.dispose]();
      throw new CooperError("conflict", `${path} is there and is no socket`);
    }
    if (there !== undefined && isListenedTo(path)) {
      lock.forget(this.lockFile);
      throw new CooperError(
        "conflict",
        `somebody else listens on ${path}, such as cooper.socket of systemd`,
      );
    }
    rmSync(path, { force: true });
  }

  /** Does what makes the socket, so that nobody but us can open it from its first moment on. */
  make<T>(act: () => T, gid: number | null): T {
    const before = process.umask(0o177);
    let made: T;
    try {
      made = act();
    } finally {
      process.umask(before);
    }
    if (gid !== null) {
      chownSync(this.path, 0, gid);
      chmodSync(this.path, 0o660);
    }
    return made;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { force: true });
    this.lock.forget(this.lockFile);
  }
}

/** unix(7): a socket file whose process is gone refuses; to one that lives we are of the wrong type. */
function isListenedTo(path: string): boolean {
  try {
    closeSync(connectPackets(path));
    return true;
  } catch (error) {
    return errnoName(error) !== "ECONNREFUSED" && errnoName(error) !== "ENOENT";
  }
}

/** The number of a group by name (group(5)), or of a number. */
export function groupNumber(name: string): number {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${name}:`));
  const gid = line?.split(":")[2];
  if (gid === undefined) throw new CooperError("invalid-argument", `there is no group ${name}`);
  return Number(gid);
}
