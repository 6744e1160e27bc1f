/** Verbs on registries as such: a part of the engine, each loading its file on first use. */
import type { Host } from "../host.ts";
import type { Credentials } from "../registry/credentials.ts";
import type { LoginTarget } from "../registry/login.ts";
import type { SearchQuery, SearchResult, TagResult } from "../registry/search.ts";

/** Verbs on registries as such. */
export class Registries {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  private async conf() {
    const { loadRegistriesConf } = await import("../registry/registries-conf.ts");
    return loadRegistriesConf(process.env, this.host.isRootless);
  }

  async currentLogin(target: LoginTarget): Promise<Credentials | undefined> {
    return (await import("../registry/login.ts")).currentLogin(await this.conf(), target);
  }

  /** Whether the registry takes these credentials. */
  async isAccepted(target: LoginTarget, credentials: Credentials): Promise<boolean> {
    const { isAccepted } = await import("../registry/login.ts");
    return isAccepted(await this.conf(), target, credentials);
  }

  /** Returns where the credentials are kept. */
  async login(target: LoginTarget, credentials: Credentials): Promise<string> {
    return (await import("../registry/login.ts")).login(await this.conf(), target, credentials);
  }

  /** Whole names that a short one may mean, best first. */
  async meanings(name: string): Promise<string[]> {
    const { meaningsOf } = await import("../registry/short-names.ts");
    const { formatReference, parseName, withDefaultTag } = await import("../oci/reference.ts");
    const { references } = meaningsOf(await this.conf(), withDefaultTag(parseName(name)));
    return references.map(formatReference);
  }

  async search(query: SearchQuery): Promise<SearchResult[]> {
    return (await import("../registry/search.ts")).searchImages(await this.conf(), query);
  }

  async searchTags(query: SearchQuery): Promise<TagResult[]> {
    return (await import("../registry/search.ts")).searchTags(await this.conf(), query);
  }

  async logout(target: LoginTarget): Promise<void> {
    return (await import("../registry/login.ts")).logout(await this.conf(), target);
  }

  async logoutOfAll(files: Pick<LoginTarget, "authFile" | "compatAuthFile">): Promise<void> {
    return (await import("../registry/login.ts")).logoutOfAll(await this.conf(), files);
  }
}
