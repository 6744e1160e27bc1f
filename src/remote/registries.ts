/** Searching by an engine elsewhere. */
import { number, objects, text } from "../api/docker/reading.ts";
import type { Registries } from "../engine/registries.ts";
import type { Verbs } from "../engine.ts";
import type { SearchQuery, SearchResult } from "../registry/search.ts";
import { authHeaders } from "./access.ts";
import type { Client } from "./client.ts";
import { filtersText, fullNames } from "./names.ts";

/** See Registries: what Docker's API has of it. */
export class RemoteRegistries implements Partial<Verbs<Registries>> {
  private readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  async search(query: SearchQuery): Promise<SearchResult[]> {
    const { term, limit, filters } = query;
    const fullName = fullNames(await this.client.peer());
    const found = await this.client.json("GET", "/images/search", {
      query: { term, limit, filters: filtersText(filters) },
      headers: await authHeaders(this.client, term.replace(/\/$/, "/x"), query),
    });
    return objects(found).map((item) => {
      const name = fullName(text(item.name) || text(item.Name)).replace(/:latest$/, "");
      return {
        index: name.split("/")[0] ?? "",
        name,
        description: text(item.description),
        stars: number(item.star_count),
        isOfficial: item.is_official === true,
        isAutomated: item.is_automated === true,
      };
    });
  }
}
