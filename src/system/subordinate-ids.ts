/** Which ids a user has beside the own one (subuid(5)), and mapping them into a namespace (user_namespaces(7)). */
import { readFileSync, writeFileSync } from "node:fs";
import { CooperError, messageOf } from "../errors.ts";
import { idMap } from "./own-limits.ts";
import { capSetGid, capSetUid, hasCapability } from "./process.ts";
import { findProgram, needProgram } from "./program.ts";

/** The ids of a user outside of the namespace. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** A run of subordinate ids. */
export interface SubordinateRange {
  readonly start: number;
  readonly size: number;
}

/** subuid(5): the ranges of a user, by name or number. */
export function subordinateRanges(text: string, name: string, uid: number): SubordinateRange[] {
  return text.split("\n").flatMap((line) => {
    const [owner, start, size] = line.trim().split(":");
    if (owner !== name && owner !== `${uid}`) return [];
    const range = { start: Number(start), size: Number(size) };
    return Number.isSafeInteger(range.start) && range.size > 0 ? [range] : [];
  });
}

/** Maps the caller to root and the subordinate ids behind it; without any, the caller alone. */
export function mapIds(pid: number, who: UserIds): void {
  if (who.uid === 0 && mapOwnIds(pid)) return;
  const name = userName(who.uid);
  const uids = rangesIn("/etc/subuid", name, who.uid);
  const gids = rangesIn("/etc/subgid", name, who.uid);
  if (uids.length > 0 && gids.length > 0 && findProgram("newuidmap") && findProgram("newgidmap")) {
    const failure =
      runMapper("newuidmap", pid, who.uid, uids) ?? runMapper("newgidmap", pid, who.gid, gids);
    if (failure === undefined) return;
    notice(`subordinate ids cannot be used (${failure})`);
  } else {
    notice(
      findProgram("newuidmap") === undefined
        ? "newuidmap is not installed (Debian: apt-get install uidmap)"
        : `no subordinate ids for ${name} in /etc/subuid and /etc/subgid (cure: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name})`,
    );
  }
  mapOnlyCaller(pid, who);
}

function notice(why: string): void {
  process.stderr.write(`Notice: single-id mode, every file in containers belongs to you: ${why}\n`);
}

const allIds = 2 ** 32 - 1;

/**
 * Root of a container may hand on all ids that it has itself, each as what it is (user_namespaces(7),
 * "Defining user and group ID mappings"): no newuidmap and no subordinate ids are needed.
 */
function mapOwnIds(pid: number): boolean {
  if (!hasCapability(capSetUid) || !hasCapability(capSetGid)) return false;
  try {
    for (const file of ["uid_map", "gid_map"] as const) {
      // all of them but the last: by a full map programs tell that they are in no namespace (crun does)
      const own = idMap(file).map(
        ({ inside, size }) => `${inside} ${inside} ${size === allIds ? size - 1 : size}\n`,
      );
      writeFileSync(`/proc/${pid}/${file}`, own.join(""));
    }
    return true;
  } catch {
    return false; // what follows needs less, and tells what goes wrong
  }
}

function mapOnlyCaller(pid: number, who: UserIds): void {
  try {
    if (readFileSync(`/proc/${pid}/uid_map`, "utf8") === "") {
      writeFileSync(`/proc/${pid}/uid_map`, `0 ${who.uid} 1\n`);
    }
    if (readFileSync(`/proc/${pid}/gid_map`, "utf8") !== "") return;
    writeFileSync(`/proc/${pid}/setgroups`, "deny"); // user_namespaces(7): before an unprivileged gid_map
    writeFileSync(`/proc/${pid}/gid_map`, `0 ${who.gid} 1\n`);
  } catch (cause) {
    throw new CooperError(
      "permission-denied",
      `cannot map ids into a user namespace: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** Not os.userInfo(): Bun takes that from $USER, which anybody may set to anything. */
export function userName(uid: number): string {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.split(":")[2] === `${uid}`);
  return entry?.split(":")[0] ?? `${uid}`;
}

function rangesIn(file: string, name: string, uid: number): SubordinateRange[] {
  try {
    return subordinateRanges(readFileSync(file, "utf8"), name, uid);
  } catch {
    return []; // the file is missing where nobody has subordinate ids
  }
}

/** newuidmap(1): 0 is the caller, 1 and up the subordinate ids. Resolves to why it failed. */
function runMapper(
  program: string,
  pid: number,
  own: number,
  ranges: readonly SubordinateRange[],
): string | undefined {
  const argv = [needProgram(program), `${pid}`, "0", `${own}`, "1"];
  let inside = 1;
  for (const range of ranges) {
    argv.push(`${inside}`, `${range.start}`, `${range.size}`);
    inside += range.size;
  }
  const result = Bun.spawnSync(argv, { stdio: ["ignore", "ignore", "pipe"] });
  return result.success ? undefined : result.stderr.toString().trim();
}
