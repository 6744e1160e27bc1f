/**
 * The user namespace of a container (podman-run(1), `--userns`, `--uidmap`): which ids inside are
 * which ids of the engine's own namespace. For an ordinary user 0 of that is the caller, and from 1
 * on come the subordinate ids.
 */
import { readFileSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { resolveContainer } from "../records/containers.ts";
import { idCount, idMap, parseIdMap } from "../system/own-limits.ts";
import { needProgram } from "../system/program.ts";
import { subordinateRanges } from "../system/subordinate-ids.ts";
import { type Caller, caller, isInUserNamespace } from "../system/userns.ts";
import { automaticIds } from "./automatic-ids.ts";
import { type IdsContext, requestedMappings } from "./id-mappings.ts";
import type { IdMappings } from "./runtime-config/input.ts";
import type { ContainerSpec, IdMapping, UserNamespaceMode } from "./spec.ts";

/**
 * The mappings of a spec; null: the container shares the engine's namespace. With `auto` the caller holds
 * the lock on ids until the container is in the database.
 *
 * @param layers of its image, lowest first
 */
export function resolveIdMappings(
  host: Host,
  spec: ContainerSpec,
  layers: readonly string[],
): IdMappings | null {
  const mappings = mappingsOf(host, spec, layers);
  if (mappings !== null && isInUserNamespace()) {
    assertThere(mappings.uids, "uid_map");
    assertThere(mappings.gids, "gid_map");
  }
  return mappings;
}

/** The kernel would only say EINVAL. */
function assertThere(mappings: readonly IdMapping[], file: "uid_map" | "gid_map"): void {
  const count = idCount(file);
  for (const { outside, size } of mappings) {
    if (outside + size <= count) continue;
    throw new CooperError(
      "invalid-argument",
      `the ids ${outside} to ${outside + size - 1} are none of your ${count}`,
      {
        hint: "0 is your own id, and from 1 on come your subordinate ids: see cooper unshare cat /proc/self/uid_map",
      },
    );
  }
}

function mappingsOf(host: Host, spec: ContainerSpec, layers: readonly string[]): IdMappings | null {
  if (spec.subuidName !== null || spec.subgidName !== null) return fromSubordinates(spec);
  if (spec.uidMappings.length > 0 || spec.gidMappings.length > 0) {
    // who speaks of users alone means groups too, and the other way round
    const [uids, gids] = [spec.uidMappings, spec.gidMappings];
    return {
      uids: requestedMappings(uids.length > 0 ? uids : gids, idsContext(host, "uid")),
      gids: requestedMappings(gids.length > 0 ? gids : uids, idsContext(host, "gid")),
    };
  }
  const mode = spec.userns;
  switch (mode?.kind) {
    case "keep-id":
      return keepId(mode, caller(), idCount("uid_map"), idCount("gid_map"));
    case "nomap":
      if (!host.isRootless) throw onlyRootless("nomap");
      return {
        uids: [shifted(0, 1, idCount("uid_map") - 1)],
        gids: [shifted(0, 1, idCount("gid_map") - 1)],
      };
    case "auto":
      return automaticIds(host, mode, layers);
    case "path":
      return mappingsAt(mode.of);
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

const idsContext = (host: Host, kind: "uid" | "gid"): IdsContext => ({
  kind,
  own: idMap(`${kind}_map`),
  isRootless: host.isRootless,
});

function onlyRootless(mode: string): CooperError {
  return new CooperError(
    "invalid-argument",
    `--userns ${mode} is for ordinary users: run as root there is no caller's id to keep apart`,
    {
      hint: "use --userns auto, or --uidmap and --gidmap",
    },
  );
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
  const ranges = (file: string, owner: string, map: "uid_map" | "gid_map") => {
    const found = subordinateRanges(readFileSync(file, "utf8"), owner, -1);
    if (found.length === 0)
      throw new CooperError("invalid-argument", `${owner} has no subordinate ids in ${file}`);
    let inside = 0;
    return found.map(({ start, size }) => {
      const mapping = shifted(inside, fromHost(start, map, owner), size);
      inside += size;
      return mapping;
    });
  };
  return {
    uids: ranges("/etc/subuid", name, "uid_map"),
    gids: ranges("/etc/subgid", spec.subgidName ?? name, "gid_map"),
  };
}

/** An id of the machine as the engine's own namespace has it. */
function fromHost(id: number, file: "uid_map" | "gid_map", owner: string): number {
  const range = idMap(file).find(({ outside, size }) => outside <= id && id < outside + size);
  if (range !== undefined) return range.inside + (id - range.outside);
  throw new CooperError("permission-denied", `the subordinate ids of ${owner} are not yours`, {
    hint: "an ordinary user can map nobody's but the own ones",
  });
}

/** The mappings of a namespace that is there, as seen from ours. */
function mappingsAt(path: string): IdMappings {
  const join = [needProgram("nsenter"), `--user=${path}`, "--preserve-credentials", "--", "cat"];
  const read = (file: string): IdMapping[] => {
    const result = Bun.spawnSync([...join, `/proc/self/${file}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (result.success) return parseIdMap(result.stdout.toString());
    const why = result.stderr.toString().trim().split("\n")[0];
    throw new CooperError("permission-denied", `cannot join the user namespace ${path}: ${why}`);
  };
  return { uids: read("uid_map"), gids: read("gid_map") };
}
