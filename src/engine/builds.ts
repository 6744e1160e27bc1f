/** Verbs on builds, each loading its file on first use. */
import type { BuildOptions } from "../build/build.ts";
import type { SentContexts } from "../build/context/sent.ts";
import type { Built } from "../build/give.ts";
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

  /** What the rules find in a Dockerfile, a text each. */
  async check(options: BuildOptions): Promise<string[]> {
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
