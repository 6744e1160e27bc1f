/** Where the store and the run directory are, for root and for ordinary users. */
import { lstatSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { GlobalOptions } from "./cli/command.ts";
import { CooperError, errnoName } from "./errors.ts";
import { type Caller, caller } from "./system/userns.ts";

export interface StoreLocation {
  readonly root: string;
  readonly run: string;
}

/** Absolute paths. Unix sockets are made below `run`: their names have 107 bytes at most. */
export function storeLocation(
  global: Pick<GlobalOptions, "root" | "runRoot">,
  who: Caller,
  env: Readonly<Record<string, string | undefined>>,
): StoreLocation {
  const root = global.root ?? (who.isRootless ? join(dataHome(env), "cooper") : "/var/lib/cooper");
  const run =
    global.runRoot ?? (who.isRootless ? join(runtimeDirectory(who, env), "cooper") : "/run/cooper");
  const location = { root: resolve(root), run: resolve(run) };
  // RUN/c/ID(64)/attach
  const longest = 107 - "/c/".length - 64 - "/attach".length;
  if (Buffer.byteLength(location.run) > longest) {
    throw new CooperError(
      "invalid-argument",
      `the run directory ${location.run} is too long for the sockets in it`,
      {
        hint: `choose one of at most ${longest} bytes with --runroot`,
      },
    );
  }
  return location;
}

/** That of who calls; null where it cannot be told. */
export function callerLocation(
  global: Pick<GlobalOptions, "root" | "runRoot">,
): StoreLocation | null {
  try {
    return storeLocation(global, caller(), process.env);
  } catch (error) {
    if (error instanceof CooperError) return null;
    throw error;
  }
}

function dataHome(env: Readonly<Record<string, string | undefined>>): string {
  if (env.XDG_DATA_HOME?.startsWith("/")) return env.XDG_DATA_HOME;
  if (env.HOME?.startsWith("/")) return join(env.HOME, ".local", "share");
  throw new CooperError(
    "invalid-argument",
    "neither HOME nor XDG_DATA_HOME is set: no place for the store",
    {
      hint: "name one with --root",
    },
  );
}

/** What XDG_RUNTIME_DIR is in a session of that user (pam_systemd(8)), if it is there. */
export function sessionDirectory(who: Caller): string | undefined {
  const directory = `/run/user/${who.uid}`;
  return isOurs(directory, who) ? directory : undefined;
}

/** Without XDG_RUNTIME_DIR: systemd's place if it is ours, else one in /tmp that nobody else may have made. */
function runtimeDirectory(who: Caller, env: Readonly<Record<string, string | undefined>>): string {
  if (env.XDG_RUNTIME_DIR?.startsWith("/")) return env.XDG_RUNTIME_DIR;
  const systemd = sessionDirectory(who);
  if (systemd !== undefined) return systemd;
  const own = `/tmp/cooper-run-${who.uid}`;
  try {
    mkdirSync(own, { mode: 0o700 });
  } catch (error) {
    if (errnoName(error) !== "EEXIST") throw error;
  }
  if (!isOurs(own, who)) {
    throw new CooperError(
      "permission-denied",
      `${own} belongs to somebody else, or others may write to it`,
      {
        hint: "set XDG_RUNTIME_DIR to a directory of your own",
      },
    );
  }
  return own;
}

/** Within our user namespace our own files show as root's. */
function isOurs(directory: string, who: Caller): boolean {
  const link = lstatSync(directory, { throwIfNoEntry: false });
  if (link === undefined || !link.isDirectory()) return false;
  const expected = who.hasEntered ? (process.getuid?.() ?? 0) : who.uid;
  return statSync(directory).uid === expected && (link.mode & 0o022) === 0;
}
