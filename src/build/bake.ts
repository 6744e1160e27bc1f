/** `bake`: several builds at the same time, on one bench: what they have in common is done once. */
import { writeFileSync } from "node:fs";
import { CooperError, invariant } from "../errors.ts";
import type { Host } from "../host.ts";
import { type BuildOptions, doSteps, openWorkshop } from "./build.ts";
import type { Built } from "./give.ts";
import { PreparedBuild } from "./prepared.ts";

export interface BakedTarget {
  readonly name: string;
  /** Names of those that stand before it, which it begins with or copies from. */
  readonly links: readonly string[];
  /** It is there for others alone, and nothing of it is kept. */
  readonly isLinked: boolean;
  readonly request: BuildOptions;
}

export interface BakeOptions {
  readonly metadataFile: string | null;
  readonly signal: AbortSignal;
}

/**
 * Builds all of them; none gets its names before all are done.
 *
 * @param targets those that others link to come before them
 */
export async function bakeImages(
  host: Host,
  targets: readonly BakedTarget[],
  { metadataFile, signal }: BakeOptions,
): Promise<void> {
  const [first] = targets;
  invariant(first !== undefined, "nothing to bake");
  const { progress, jobs } = first.request;
  await using shop = await openWorkshop(host, { progress, jobs, signal });
  const prepared = new Map<string, PreparedBuild>();
  for (const { name, links, request } of targets) {
    const own = new Map(links.map((link) => [link, of(prepared, link)]));
    prepared.set(name, await PreparedBuild.prepare(shop, request, own));
  }
  await doSteps(shop, [...prepared.values()], async () => {
    const solving = new Map<string, Promise<void>>();
    for (const { name, links } of targets) {
      const before = links.map((link) => of(solving, link));
      const own = of(prepared, name);
      solving.set(
        name,
        Promise.all(before).then(() => own.solve()),
      );
    }
    assertAll(await Promise.allSettled(solving.values()));
  });
  const facts: Record<string, Built["facts"]> = {};
  for (const { name, isLinked } of targets) {
    if (isLinked) continue;
    const built = await of(prepared, name).finish();
    if (built !== null) facts[name] = built.facts;
  }
  if (metadataFile !== null) writeFileSync(metadataFile, `${JSON.stringify(facts, null, 2)}\n`);
}

function of<T>(all: ReadonlyMap<string, T>, name: string): T {
  const found = all.get(name);
  invariant(found !== undefined, `the target ${name} does not stand before those that need it`);
  return found;
}

/** The first failure made the others end. */
function assertAll(results: readonly PromiseSettledResult<void>[]): void {
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  const own = failures.find(
    (reason) => !(reason instanceof CooperError && reason.code === "cancelled"),
  );
  const [first = undefined] = own === undefined ? failures : [own];
  if (first !== undefined) throw first;
}
