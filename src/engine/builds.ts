/** Verbs on builds, each loading its file on first use. */
import type { BakedTarget, BakeOptions } from "../build/bake.ts";
import type { BuildOptions } from "../build/build.ts";
import type { CheckFinding } from "../build/check.ts";
import type { SentContexts } from "../build/context/sent.ts";
import type { Built } from "../build/give.ts";
import type { ListedTarget, Outline } from "../build/outline.ts";
import type { Host } from "../host.ts";
import type { CacheEntry, PruneCacheOptions, PrunedCache } from "../image/build-cache.ts";

/** Verbs on builds. */
export class Builds {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async build(options: BuildOptions): Promise<Built | null> {
    return (await import("../build/build.ts")).buildImage(this.host, options);
  }

  /** Builds with contexts of files that come one by one. */
  async buildSent(
    contexts: SentContexts,
    options: Omit<BuildOptions, "context">,
  ): Promise<Built | null> {
    return (await import("../build/build-sent.ts")).buildSent(this.host, contexts, options);
  }

  /** Several at the same time; what they have in common is done once. */
  async bake(targets: readonly BakedTarget[], options: BakeOptions): Promise<void> {
    return (await import("../build/bake.ts")).bakeImages(this.host, targets, options);
  }

  /** What a target of a Dockerfile takes. */
  async outline(options: BuildOptions): Promise<Outline> {
    return (await import("../build/check.ts")).outlineDockerfile(this.host, options);
  }

  /** What can be built of a Dockerfile. */
  async targets(options: BuildOptions): Promise<ListedTarget[]> {
    return (await import("../build/check.ts")).targetsOfDockerfile(this.host, options);
  }

  /** What the rules find in a Dockerfile. */
  async check(options: BuildOptions): Promise<CheckFinding[]> {
    return (await import("../build/check.ts")).checkDockerfile(this.host, options);
  }

  /** What builds keep for later ones; what was used last comes last. */
  async cache(filters: readonly string[]): Promise<CacheEntry[]> {
    return (await import("../image/build-cache.ts")).filteredCache(this.host, filters);
  }

  async pruneCache(options: PruneCacheOptions): Promise<PrunedCache> {
    return (await import("../image/build-cache.ts")).pruneCache(this.host, options);
  }
}
