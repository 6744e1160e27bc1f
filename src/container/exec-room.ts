/**
 * The directory of a process that is started in a container beside the first: what the runtime reads and
 * the monitor writes. Whoever made it removes it; where that one was killed, the next.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { tryLockDirectory } from "../system/lock.ts";
import { isMonitorOf } from "./cleanup.ts";
import { readPid } from "./live-state.ts";

/** Held, nobody takes it for left behind. Disposing removes it, unless its monitor goes on without us. */
export class ExecRoom implements Disposable {
  readonly directory: string;
  private readonly execs: string;
  private readonly prefix: string;
  private readonly lock: Disposable | undefined;

  /** @param session hexadecimal digits of which the first twelve are unique */
  constructor(host: Host, containerId: string, session: string) {
    this.execs = host.paths.execs;
    // short: it is a part of a socket's path, which has few characters
    this.prefix = `${containerId.slice(0, 16)}-`;
    this.directory = join(this.execs, `${this.prefix}${session.slice(0, 12)}`);
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    this.lock = tryLockDirectory(this.directory);
  }

  /** What others have left of this container, whose client and monitor were killed, goes as well. */
  [Symbol.dispose](): void {
    this.lock?.[Symbol.dispose]();
    for (const name of readdirSync(this.execs)) if (name.startsWith(this.prefix)) this.sweep(name);
  }

  private sweep(name: string): void {
    const directory = join(this.execs, name);
    try {
      using lock = tryLockDirectory(directory);
      const session = name.slice(this.prefix.length);
      const isMonitored = isMonitorOf(readPid(join(directory, "conmon.pid")), session);
      // one of a client elsewhere is asked about after its end, and forgotten by its own rules
      const isOthers = existsSync(join(directory, "session.json"));
      if (lock === undefined || isMonitored || isOthers) return;
      rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      if (errnoName(error) !== "ENOENT") throw error; // it has just ended
    }
  }
}
