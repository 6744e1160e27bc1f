/**
 * The user namespace of a container (podman-run(1), `--userns`, `--uidmap`): which ids inside are
 * which ids of the engine's own namespace. For an ordinary user 0 of that is the caller, and from 1
 * on come the subordinate ids.
 */
import { readFileSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { listContainers, resolveContainer } from "../records/containers.ts";
import { idMap } from "../system/own-limits.ts";
import { type Caller, caller, subordinateRanges } from "../system/userns.ts";
import type { IdMappings } from "./runtime-config/input.ts";
import type { ContainerSpec, IdMapping, UserNamespaceMode } from "./spec.ts";

/** The mappings of a spec; null: the container shares the engine's namespace. */
export function resolveIdMappings(host: Host, spec: ContainerSpec): IdMappings | null {
  if (spec.subuidName !== null || spec.subgidName !== null) return fromSubordinates(spec);
  if (spec.uidMappings.length > 0 || spec.gidMappings.length > 0) {
    const uids = spec.uidMappings.length > 0 ? spec.uidMappings : spec.gidMappings;
    return { uids, gids: spec.gidMappings.length > 0 ? spec.gidMappings : uids };
  }
  const mode = spec.userns;
  switch (mode?.kind) {
    case "keep-id":
      return keepId(mode, caller(), available("uid_map"), available("gid_map"));
    case "nomap":
      if (!host.isRootless) throw onlyRootless("nomap");
      return {
        uids: [shifted(0, 1, available("uid_map") - 1)],
        gids: [shifted(0, 1, available("gid_map") - 1)],
      };
    case "auto":
      return allocate(host, mode);
    case "container":
      return resolveContainer(host.database, mode.of).resolved.idMappings;
    case "private":
      throw new CooperError(
        "invalid-argument",
        "--userns private needs mappings: give --uidmap and --gidmap, or use --userns auto",
      );
    default:
      return null;
  }
}

function onlyRootless(mode: string): CooperError {
  return new CooperError(
    "invalid-argument",
    `--userns ${mode} is for ordinary users: run as root there is no caller's id to keep apart`,
    {
      hint: "use --userns auto, or --uidmap and --gidmap",
    },
  );
}

/** How many ids the engine's own namespace has, from 0 on. */
function available(file: "uid_map" | "gid_map"): number {
  return idMap(file).reduce((most, { inside, size }) => Math.max(most, inside + size), 0);
}

const shifted = (inside: number, outside: number, size: number): IdMapping => ({
  inside,
  outside,
  size,
});

/** The caller's id inside is the caller outside; all others are subordinate ids, in order. */
export function keepId(
  mode: Extract<UserNamespaceMode, { kind: "keep-id" }>,
  who: Pick<Caller, "uid" | "gid" | "isRootless">,
  uidCount: number,
  gidCount: number,
): IdMappings {
  if (!who.isRootless) throw onlyRootless("keep-id");
  return {
    uids: around(mode.uid ?? who.uid, Math.min(uidCount, mode.size ?? uidCount)),
    gids: around(mode.gid ?? who.gid, Math.min(gidCount, mode.size ?? gidCount)),
  };
}

/** `kept` ↔ 0, below it 1…kept, above it what is left. */
function around(kept: number, count: number): IdMapping[] {
  const others = count - 1;
  const below = Math.min(kept, others);
  return [
    ...(below > 0 ? [shifted(0, 1, below)] : []),
    shifted(kept, 0, 1),
    ...(others > below ? [shifted(kept + 1, below + 1, others - below)] : []),
  ];
}

/** `--subuidname`: the ranges of that user, one behind the other. */
function fromSubordinates(spec: ContainerSpec): IdMappings {
  const name = spec.subuidName ?? spec.subgidName ?? "";
  const ranges = (file: string, owner: string) => {
    const found = subordinateRanges(readFileSync(file, "utf8"), owner, -1);
    if (found.length === 0)
      throw new CooperError("invalid-argument", `${owner} has no subordinate ids in ${file}`);
    let inside = 0;
    return found.map(({ start, size }) => {
      const mapping = shifted(inside, start, size);
      inside += size;
      return mapping;
    });
  };
  return {
    uids: ranges("/etc/subuid", name),
    gids: ranges("/etc/subgid", spec.subgidName ?? name),
  };
}

/** What a container gets that does not say, where there is no room for as many as configured. */
const smallSize = 1024;

/** A range that no other container has (`--userns auto`). */
function allocate(host: Host, mode: Extract<UserNamespaceMode, { kind: "auto" }>): IdMappings {
  const pool = autoPool(host);
  const taken = listContainers(host.database)
    .flatMap(({ spec, resolved }) =>
      spec.userns?.kind === "auto" ? (resolved.idMappings?.uids ?? []) : [],
    )
    .map(({ outside, size }) => ({ start: outside, size }));
  const sizes = mode.size === null ? [host.settings.userNamespaceSize, smallSize] : [mode.size];
  for (const size of sizes) {
    const start = firstFree(pool, taken, size);
    if (start === undefined) continue;
    const own = [shifted(0, start, size)];
    return { uids: withOwn(own, mode.uidMappings), gids: withOwn(own, mode.gidMappings) };
  }
  throw new CooperError(
    "no-such-object",
    `no ${sizes.at(-1)} unused ids are left for --userns auto`,
    {
      hint: "remove containers, or give more subordinate ids: usermod --add-subuids",
    },
  );
}

/** The user's own subordinate ids; for root those of the user "containers" (containers-storage.conf(5)). */
function autoPool(host: Host): { start: number; size: number } {
  if (host.isRootless)
    return { start: 1, size: Math.min(available("uid_map"), available("gid_map")) - 1 };
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

/** Mappings that were asked for take the place of ids of the automatic range. */
function withOwn(range: IdMapping[], own: readonly IdMapping[]): IdMapping[] {
  if (own.length === 0) return range;
  throw new CooperError(
    "not-supported",
    "--userns auto with uidmapping or gidmapping is not supported",
    {
      hint: `use --uidmap and --gidmap instead (the automatic range was ${range[0]?.outside}+${range[0]?.size})`,
    },
  );
}
