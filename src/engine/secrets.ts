/** Verbs on secrets, each loading its file on first use. */
import type { Host } from "../host.ts";
import type { SecretRecord } from "../records/secrets.ts";
import type { NewSecret } from "../secret/secret.ts";

/** Verbs on secrets. Names are what users type: a name, an id, or the beginning of an id. */
export class Secrets {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async create(secret: NewSecret): Promise<SecretRecord> {
    return (await import("../secret/secret.ts")).createSecret(this.host, secret);
  }

  async exists(name: string): Promise<boolean> {
    const { findSecret } = await import("../records/secrets.ts");
    return findSecret(this.host.database, name) !== undefined;
  }

  async inspect(
    name: string,
    options: { readonly showsBytes: boolean },
  ): Promise<Record<string, unknown>> {
    return (await import("../secret/secret.ts")).inspectSecret(this.host, name, options);
  }

  /** Those that all filters let through, by name. */
  async list(filters: readonly string[]): Promise<SecretRecord[]> {
    const { secretFilter } = await import("../secret/filter.ts");
    const { listSecrets } = await import("../records/secrets.ts");
    return listSecrets(this.host.database).filter(secretFilter(filters));
  }

  /** Resolves to its id. */
  async remove(name: string): Promise<string> {
    return (await import("../secret/secret.ts")).removeSecret(this.host, name);
  }
}
