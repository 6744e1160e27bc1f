/** The verbs on networks. */
import type { Host } from "../host.ts";

/** Verbs on networks. Names are what users type: a name, an id, or the beginning of an id. */
export class Networks {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** All names, for completion. */
  async names(): Promise<string[]> {
    const { listNetworks } = await import("../records/networks.ts");
    return listNetworks(this.host.database).map(({ name }) => name);
  }
}
