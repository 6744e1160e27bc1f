/** Verbs on the engine itself. */
import type { Host } from "../host.ts";
import type { Adoption, AdoptOptions, AdoptResult, AdoptStep } from "../image/adopt.ts";
import type { ForeignStore } from "../image/foreign-store.ts";

/** Verbs on the engine itself. */
export class System {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** What another engine of this machine has, and what is to become of it. */
  async planAdoption(options: AdoptOptions): Promise<Adoption[]> {
    return (await import("../image/adopt.ts")).planAdoption(this.host, options);
  }

  async adopt(store: ForeignStore, step: AdoptStep, signal?: AbortSignal): Promise<AdoptResult> {
    return (await import("../image/adopt.ts")).adopt(this.host, store, step, signal);
  }
}
