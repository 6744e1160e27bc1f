/** Verbs on the engine itself. */
import type { Host } from "../host.ts";
import type { Adoption, AdoptOptions, AdoptResult, AdoptStep } from "../image/adopt.ts";
import type { ForeignStore } from "../image/foreign-store.ts";
import type { CheckOptions, CheckResult } from "../store/check.ts";
import type { EngineInfo } from "../store/info.ts";
import type { PrunedStore, PruneStoreOptions } from "../store/prune.ts";
import type { ResetPlan } from "../store/reset.ts";
import type { ImageUsage, StoreUsage, UsageOf } from "../store/usage.ts";
import type { HostCheck, TriedFacts } from "../why/host-facts.ts";

/** Verbs on the engine itself. */
export class System {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** The engine and the machine. */
  async info(): Promise<EngineInfo> {
    return (await import("../store/info.ts")).engineInfo(this.host);
  }

  /** What another engine of this machine has, and what is to become of it. */
  async planAdoption(options: AdoptOptions): Promise<Adoption[]> {
    return (await import("../image/adopt.ts")).planAdoption(this.host, options);
  }

  /** Where the space went. */
  async imageUsage(): Promise<UsageOf<ImageUsage>> {
    return (await import("../store/usage.ts")).imageUsage(this.host);
  }

  async usage(): Promise<StoreUsage> {
    return (await import("../store/usage.ts")).storeUsage(this.host);
  }

  /** Whether the store is what its records say; mends what is not where that is asked for. */
  async check(options: CheckOptions): Promise<CheckResult> {
    return (await import("../store/check.ts")).checkStore(this.host, options);
  }

  async planReset(): Promise<ResetPlan> {
    return (await import("../store/reset.ts")).planReset(this.host);
  }

  /** Removes everything. */
  async reset(): Promise<void> {
    return (await import("../store/reset.ts")).resetStore(this.host);
  }

  /** Removes everything that nothing uses. */
  async prune(options: PruneStoreOptions): Promise<PrunedStore> {
    return (await import("../store/prune.ts")).pruneStore(this.host, options);
  }

  async adopt(store: ForeignStore, step: AdoptStep, signal?: AbortSignal): Promise<AdoptResult> {
    return (await import("../image/adopt.ts")).adopt(this.host, store, step, signal);
  }

  /** Whether this machine is fit for containers. */
  async examine(): Promise<HostCheck[]> {
    return (await import("../store/doctor.ts")).examineHost(this.host);
  }

  /** What only an attempt tells of it. */
  async tryHost(): Promise<Omit<TriedFacts, "namespace">> {
    return (await import("../store/doctor.ts")).tryHost(this.host);
  }
}
