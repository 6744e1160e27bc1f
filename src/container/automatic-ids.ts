/** `--userns auto`: ids that no other container has (podman-run(1), containers-storage.conf(5)). */
import { readFileSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { listEveryContainer } from "../records/containers.ts";
import { idCount, idMap } from "../system/own-limits.ts";
import { readInRoot } from "../system/rooted.ts";
import { subordinateRanges } from "../system/subordinate-ids.ts";
import { requestedMappings } from "./id-mappings.ts";
import type { IdMappings } from "./runtime-config/input.ts";
import type { IdMapping, UserNamespaceMode } from "./spec.ts";

type Automatic = Extract<UserNamespaceMode, { kind: "auto" }>;

/** What a container gets at least that does not say. */
const smallSize = 1024;

/**
 * A range of the pool, and in it what was asked for.
 *
 * @param layers of the image, lowest first
 */
export function automaticIds(host: Host, mode: Automatic, layers: readonly string[]): IdMappings {
  const pool = autoPool(host);
  const others = listEveryContainer(host.database).flatMap(({ spec, resolved }) =>
    spec.userns?.kind === "auto" ? (resolved.idMappings?.uids ?? []) : [],
  );
  const [ownUids, ownGids] = [ownMappings(host, mode, "uid"), ownMappings(host, mode, "gid")];
  // an id outside can be mapped only once (user_namespaces(7))
  const taken = [...others, ...ownUids, ...ownGids].map((range) => ({
    start: range.outside,
    size: range.size,
  }));
  const size = mode.size ?? sizeFor(host, pool.size, layers);
  const start = firstFree(pool, taken, size);
  if (start !== undefined) {
    const range = { start, size };
    return { uids: withOwn(range, ownUids), gids: withOwn(range, ownGids) };
  }
  throw new CooperError("no-such-object", `no ${size} unused ids are left for --userns auto`, {
    hint: "remove containers, give more ids: usermod --add-subuids, or ask for fewer: --userns auto:size=1024",
  });
}

/** What was asked for with `uidmapping` or `gidmapping`. */
function ownMappings(host: Host, mode: Automatic, kind: "uid" | "gid"): readonly IdMapping[] {
  const requests = kind === "uid" ? mode.uidMappings : mode.gidMappings;
  if (requests.length === 0) return [];
  return requestedMappings(requests, {
    kind,
    own: idMap(`${kind}_map`),
    isRootless: host.isRootless,
  });
}

/**
 * As many as configured, with room for the usual nobody (65534). An ordinary user's ids are few: there an
 * image gets as many as its own accounts need, as with Podman.
 */
function sizeFor(host: Host, poolSize: number, layers: readonly string[]): number {
  const wanted = host.settings.userNamespaceSize;
  if (poolSize >= 4 * wanted) return wanted;
  const highest = (path: string) =>
    Math.max(0, ...accountsIn(host, layers, path).filter((id) => id < 65_534));
  return Math.max(smallSize, highest("/etc/passwd") + 1, highest("/etc/group") + 1);
}

/** The ids of the uppermost layer that has the file. */
function accountsIn(host: Host, layers: readonly string[], path: string): number[] {
  for (const id of layers.toReversed()) {
    const text = readInRoot(host.paths.layer(id).diff, path);
    if (text === undefined) continue;
    return text.split("\n").flatMap((line) => {
      const number = line.split(":")[2] ?? "";
      return /^\d+$/.test(number) ? [Number(number)] : [];
    });
  }
  return [];
}

/** The user's own subordinate ids; for root those of the user "containers" (containers-storage.conf(5)). */
function autoPool(host: Host): { start: number; size: number } {
  if (host.isRootless)
    return { start: 1, size: Math.min(idCount("uid_map"), idCount("gid_map")) - 1 };
  const pool = subordinateRanges(safeRead("/etc/subuid"), "containers", -1)[0];
  if (pool !== undefined) return pool;
  throw new CooperError(
    "invalid-argument",
    '--userns auto needs ids of the user "containers" in /etc/subuid and /etc/subgid',
    {
      hint: "echo containers:2147483647:2147483648 >> /etc/subuid; echo containers:2147483647:2147483648 >> /etc/subgid",
    },
  );
}

function safeRead(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // nobody has subordinate ids
  }
}

/** The lowest start in the pool at which `size` ids are free. */
export function firstFree(
  pool: { start: number; size: number },
  taken: readonly { start: number; size: number }[],
  size: number,
): number | undefined {
  let start = pool.start;
  for (const range of [...taken].sort((a, b) => a.start - b.start)) {
    if (range.start >= start + size) break;
    start = Math.max(start, range.start + range.size);
  }
  return start + size <= pool.start + pool.size ? start : undefined;
}

/**
 * Mappings that were asked for take the place of ids of the automatic range. Ids of that range which
 * fall out stay unused: each id inside keeps its distance from the start.
 */
export function withOwn(
  range: { readonly start: number; readonly size: number },
  own: readonly IdMapping[],
): IdMapping[] {
  const mappings: IdMapping[] = [];
  let next = 0;
  const fill = (until: number) => {
    const end = Math.min(until, range.size);
    if (end > next) mappings.push({ inside: next, outside: range.start + next, size: end - next });
  };
  for (const mapping of [...own].sort((a, b) => a.inside - b.inside)) {
    if (mapping.inside < next)
      throw new CooperError("invalid-argument", "two mappings of --userns auto overlap");
    fill(mapping.inside);
    mappings.push(mapping);
    next = mapping.inside + mapping.size;
  }
  fill(range.size);
  return mappings;
}
