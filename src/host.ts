/** What verbs act with: the opened parts of one store on one machine, for one user. */
import type { Database } from "bun:sqlite";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "./errors.ts";
import { type EventJournal, noJournal, openJournal } from "./events/journal.ts";
import type { Paths } from "./paths.ts";
import { openDatabase } from "./records/database.ts";
import type { StorageDriver } from "./settings/storage-conf.ts";
import type { Settings } from "./settings.ts";
import { type FileLock, isLocked, type LockMode, lock, tryLock } from "./system/lock.ts";

/** Locks by object. Order: pod, container, volume, network, image, store. */
export interface Locks {
  container(id: string): Promise<FileLock>;
  /** Undefined when somebody else works on it. */
  tryContainer(id: string): FileLock | undefined;
  /** Takes its locks' files away; only for who holds it and has removed the container. */
  forgetContainer(id: string): void;
  /** Held while a container that ended waits to be started again. */
  tryRestart(id: string): FileLock | undefined;
  /** Whether somebody waits to start it again. */
  awaitsRestart(id: string): boolean;
  volume(name: string): Promise<FileLock>;
  /** Undefined when somebody else works on it. */
  tryVolume(name: string): FileLock | undefined;
  /** As forgetContainer(). */
  forgetVolume(name: string): void;
  network(id: string): Promise<FileLock>;
  /** As forgetContainer(). */
  forgetNetwork(id: string): void;
  /** Small changes hold it shared, making it anew from the records exclusively. */
  firewall(mode: LockMode): Promise<FileLock>;
  /** Held while the files of the names service change. */
  names(): Promise<FileLock>;
  /** Held while the network namespace of an ordinary user's networks is made or given up. */
  place(): Promise<FileLock>;
  /** Held while ids are chosen for a container that gets its own. */
  ids(): Promise<FileLock>;
  /** Publishing holds it shared, sweeping exclusively. */
  store(mode: LockMode): Promise<FileLock>;
  tryStore(mode: LockMode): FileLock | undefined;
  /** Held by the one keeper of health checks. Undefined while there is one. */
  tryKeeper(): FileLock | undefined;
}

export interface Host {
  readonly paths: Paths;
  readonly settings: Settings;
  /** Opened on first use. */
  readonly database: Database;
  readonly locks: Locks;
  readonly events: EventJournal;
  /** Whether ids are mapped: every file belongs to one ordinary user and its subordinate ids. */
  readonly isRootless: boolean;
  /** Whether cgroups can be set up: false as an ordinary user without delegation. */
  readonly canLimit: boolean;
  /** The driver that was asked for, on the command line or by configuration; null: what works. */
  storageDriver(): StorageDriver | null;
  /** Global options that a later `cooper` process needs to act as this one does. */
  readonly forwardedArgs: readonly string[];
  /** Prints a line for the user on stderr (`time="…" level=…` is not our way: `Warning: …`). */
  warn(message: string): void;
  debug(message: string): void;
}

/** Opens a host: cheap, since the database is only opened when a verb asks for it. */
export function openHost(parts: Omit<Host, "database" | "locks" | "events">): Host {
  let database: Database | undefined;
  const lockFile = (name: string) => join(parts.paths.locks, name);
  const { settings, paths, warn } = parts;
  return {
    ...parts,
    events:
      settings.eventsLogger === "none"
        ? noJournal
        : openJournal({
            file: paths.events,
            maxBytes: 1 << 20,
            tellsSystemd: settings.eventsLogger === "journald",
            onFailure: (error) => warn(`an event was not kept: ${messageOf(error)}`),
          }),
    get database() {
      database ??= openDatabase(parts.paths.database);
      return database;
    },
    locks: {
      container: (id) => lock(lockFile(`c-${id}`), "exclusive"),
      tryContainer: (id) => tryLock(lockFile(`c-${id}`), "exclusive"),
      forgetContainer: (id) => {
        for (const kind of ["c", "r"]) rmSync(lockFile(`${kind}-${id}`), { force: true });
      },
      tryRestart: (id) => tryLock(lockFile(`r-${id}`), "exclusive"),
      awaitsRestart: (id) => isLocked(lockFile(`r-${id}`)),
      volume: (name) => lock(lockFile(`v-${name}`), "exclusive"),
      tryVolume: (name) => tryLock(lockFile(`v-${name}`), "exclusive"),
      forgetVolume: (name) => rmSync(lockFile(`v-${name}`), { force: true }),
      network: (id) => lock(lockFile(`n-${id}`), "exclusive"),
      forgetNetwork: (id) => rmSync(lockFile(`n-${id}`), { force: true }),
      firewall: (mode) => lock(lockFile("firewall"), mode),
      names: () => lock(lockFile("names"), "exclusive"),
      place: () => lock(lockFile("place"), "exclusive"),
      ids: () => lock(lockFile("ids"), "exclusive"),
      store: (mode) => lock(lockFile("store"), mode),
      tryStore: (mode) => tryLock(lockFile("store"), mode),
      tryKeeper: () => tryLock(join(parts.paths.run, "keeper.lock"), "exclusive"),
    },
  };
}
