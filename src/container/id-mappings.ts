/**
 * From what `--uidmap` and `--gidmap` ask for to lines of uid_map and gid_map (podman-run(1), "Extending
 * previous mappings", "Referencing a host ID from the parent namespace"). Pure.
 */
import { CooperError } from "../errors.ts";
import type { IdRange } from "../system/own-limits.ts";
import type { IdMapping, IdMappingRequest } from "./spec.ts";

/** Whose ids, and what the engine has of them. */
export interface IdsContext {
  readonly kind: "uid" | "gid";
  /** The engine's own uid_map or gid_map. */
  readonly own: readonly IdRange[];
  /** Whether mappings that begin with `+` are completed with the other ids that the engine has. */
  readonly isRootless: boolean;
}

/**
 * The mappings that were asked for, sorted, joined where they adjoin. `+` takes the place of what came
 * before it. Of an ordinary user who begins with `+`, and of one who asks for none of this kind, all
 * other ids are mapped too, from 0 on.
 */
export function requestedMappings(
  requests: readonly IdMappingRequest[],
  context: IdsContext,
): IdMapping[] {
  const concerned = requests.filter(({ of = context.kind }) => of === context.kind);
  let mappings: IdMapping[] = [];
  for (const request of concerned) {
    for (const mapping of asOwn(request, context)) {
      if (request.replaces === true) mappings = without(mappings, mapping);
      mappings.push(mapping);
    }
  }
  if (context.isRootless && (concerned[0]?.replaces ?? concerned.length === 0))
    mappings = filled(mappings, context.own);
  if (mappings.length === 0) {
    const [option, ids] = context.kind === "uid" ? ["--uidmap", "user"] : ["--gidmap", "group"];
    throw new CooperError("invalid-argument", `no ${ids} ids are mapped`, {
      hint: `give ${option} INSIDE:OUTSIDE:SIZE as well`,
    });
  }
  return joined(mappings);
}

/** An id with `@` is the machine's, and may be several of the engine's own ranges. */
function asOwn(request: IdMappingRequest, { kind, own }: IdsContext): IdMapping[] {
  const { inside, outside, size, isParents } = request;
  if (isParents !== true) return [{ inside, outside, size }];
  const pieces = own.flatMap((range) => {
    const from = Math.max(outside, range.outside);
    const to = Math.min(outside + size, range.outside + range.size);
    return to <= from
      ? []
      : [
          {
            inside: inside + (from - outside),
            outside: range.inside + (from - range.outside),
            size: to - from,
          },
        ];
  });
  if (pieces.reduce((sum, piece) => sum + piece.size, 0) === size) return pieces;
  const ids = size === 1 ? `${outside}` : `${outside} to ${outside + size - 1}`;
  throw new CooperError("invalid-argument", `${kind}s ${ids} of this machine are not all yours`, {
    hint: `/etc/sub${kind} says which are`,
  });
}

/** What is left of mappings when the ids of another, inside and outside, are taken out. */
function without(mappings: readonly IdMapping[], other: IdMapping): IdMapping[] {
  const sides = ["inside", "outside"] as const;
  return sides
    .reduce<IdMapping[]>(
      (left, side) =>
        left.flatMap((mapping) => {
          const offset = (id: number) => Math.min(Math.max(id - mapping[side], 0), mapping.size);
          const [from, to] = [offset(other[side]), offset(other[side] + other.size)];
          return [part(mapping, 0, from), part(mapping, to, mapping.size)];
        }),
      [...mappings],
    )
    .filter(({ size }) => size > 0);
}

const part = ({ inside, outside }: IdMapping, from: number, to: number): IdMapping => ({
  inside: inside + from,
  outside: outside + from,
  size: to - from,
});

/** Gaps inside, and then what comes behind, are filled with the ids that are not used yet, in order. */
function filled(mappings: readonly IdMapping[], own: readonly IdRange[]): IdMapping[] {
  const all = own.map(({ inside, size }) => ({ inside, outside: inside, size }));
  const free = mappings
    .reduce((left, used) => without(left, { ...used, inside: used.outside }), all)
    .sort((a, b) => a.outside - b.outside);
  const result: IdMapping[] = [];
  let next = 0;
  const fillUntil = (end: number) => {
    for (let range = free[0]; next < end && range !== undefined; range = free[0]) {
      const size = Math.min(end - next, range.size);
      result.push({ inside: next, outside: range.outside, size });
      next += size;
      free[0] = part(range, size, range.size);
      if (free[0].size === 0) free.shift();
    }
  };
  for (const mapping of mappings.toSorted((a, b) => a.inside - b.inside)) {
    fillUntil(mapping.inside);
    result.push(mapping);
    next = mapping.inside + mapping.size;
  }
  fillUntil(Number.POSITIVE_INFINITY);
  return result;
}

/** Sorted, with what adjoins as one. The kernel would only say EINVAL to ids that are mapped twice. */
function joined(mappings: readonly IdMapping[]): IdMapping[] {
  assertDistinct(mappings, "outside");
  const result: IdMapping[] = [];
  for (const mapping of assertDistinct(mappings, "inside")) {
    const last = result.at(-1);
    const adjoins = (side: "inside" | "outside") =>
      last && last[side] + last.size === mapping[side];
    if (last && adjoins("inside") && adjoins("outside"))
      result[result.length - 1] = { ...last, size: last.size + mapping.size };
    else result.push(mapping);
  }
  return result;
}

function assertDistinct(mappings: readonly IdMapping[], side: "inside" | "outside"): IdMapping[] {
  const sorted = mappings.toSorted((a, b) => a[side] - b[side]);
  let end = 0;
  for (const mapping of sorted) {
    if (mapping[side] < end)
      throw new CooperError("invalid-argument", `the id ${mapping[side]} ${side} is mapped twice`, {
        hint: "a mapping that begins with + takes the place of those before it",
      });
    end = mapping[side] + mapping.size;
  }
  return sorted;
}
