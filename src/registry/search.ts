/** Searching registries: Docker's index API (`/v1/search`), and where a registry has none, its catalogue. */
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { maxManifestBytes } from "../oci/manifest.ts";
import { parseName } from "../oci/reference.ts";
import { type AccessOptions, openRegistry } from "./access.ts";
import { nextPage } from "./client.ts";
import { readBody } from "./http.ts";
import { isInsecureRegistry } from "./pull-sources.ts";
import type { RegistriesConf } from "./registries-conf.ts";
import type { RegistrySession } from "./session.ts";

export interface SearchQuery extends AccessOptions {
  /** `term`, `registry/term`, `registry/` */
  readonly term: string;
  readonly limit: number;
  /** `stars=N`, `is-official=BOOL`, `is-automated=BOOL` */
  readonly filters: readonly string[];
}

/** An image that was found. */
export interface SearchResult {
  /** The registry that was asked. */
  readonly index: string;
  /** With its registry. */
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

/** The tags of an image. */
export interface TagResult {
  readonly name: string;
  readonly tags: readonly string[];
}

/** A catalogue is read to this many names. */
const maxCatalogue = 10_000;

/** Asks the registry that the term names, or all that short names are searched in. */
export async function searchImages(
  conf: RegistriesConf,
  query: SearchQuery,
): Promise<SearchResult[]> {
  const keeps = filterOf(query.filters);
  const { registry, term } = splitTerm(query.term);
  const registries = registry === null ? conf.searchRegistries : [registry];
  const asked = await Promise.allSettled(
    registries.map((each) => searchOne(conf, each, term, query)),
  );
  const found = asked.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  const failed = asked.find((result) => result.status === "rejected");
  // one that answers is enough; but to say "nothing" when nobody was heard would be untrue
  if (failed !== undefined && asked.every(({ status }) => status === "rejected"))
    throw failed.reason;
  return found.filter(keeps);
}

function splitTerm(text: string): { registry: string | null; term: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  if (first !== "" && (/[.:]/.test(first) || first === "localhost"))
    return { registry: first, term: text.slice(slash + 1) };
  return { registry: null, term: text };
}

function filterOf(filters: readonly string[]): (result: SearchResult) => boolean {
  const tests = filters.map((filter) => {
    const [key = "", value = ""] = filter.split("=");
    const wanted = value === "" || value === "true";
    if (key === "stars" && /^\d+$/.test(value))
      return ({ stars }: SearchResult) => stars >= Number(value);
    if (/^(true|false|)$/.test(value)) {
      if (key === "is-official") return ({ isOfficial }: SearchResult) => isOfficial === wanted;
      if (key === "is-automated") return ({ isAutomated }: SearchResult) => isAutomated === wanted;
    }
    throw new CooperError(
      "invalid-argument",
      `invalid filter "${filter}": there are stars=N, is-official=BOOL and is-automated=BOOL`,
    );
  });
  return (result) => tests.every((test) => test(result));
}

function sessionFor(conf: RegistriesConf, registry: string, query: SearchQuery): RegistrySession {
  const source = {
    registry,
    repository: "",
    isInsecure: isInsecureRegistry(conf, registry),
    isMirror: false,
  };
  return openRegistry(conf, source, query).session;
}

async function searchOne(
  conf: RegistriesConf,
  registry: string,
  term: string,
  query: SearchQuery,
): Promise<SearchResult[]> {
  // Docker Hub's index is another host than its registry
  const session = sessionFor(conf, registry === "docker.io" ? "index.docker.io" : registry, query);
  const indexed = term === "" ? undefined : await searchIndex(session, registry, term, query.limit);
  return indexed ?? searchCatalogue(session, registry, term, query.limit);
}

/** Undefined where there is no index. */
async function searchIndex(
  session: RegistrySession,
  registry: string,
  term: string,
  limit: number,
): Promise<SearchResult[] | undefined> {
  const path = `../v1/search?q=${encodeURIComponent(term)}&n=${Math.min(limit, 100)}`;
  const call = { path, scopes: [], what: `"${term}"`, expects: [400, 401, 403, 404, 405] };
  const response = await session.retrying(() => session.send(call));
  if (!response.ok || !/json/.test(response.headers.get("content-type") ?? "")) {
    await response.body?.cancel();
    return undefined;
  }
  const body = await readJson(response, registry);
  const results = isObject(body) && Array.isArray(body.results) ? body.results : [];
  return results.slice(0, limit).flatMap((result) => decodeResult(result, registry));
}

function decodeResult(result: unknown, registry: string): SearchResult[] {
  if (!isObject(result) || typeof result.name !== "string") return [];
  const { name, description, star_count: stars } = result;
  const full = registry === "docker.io" && !name.includes("/") ? `library/${name}` : name;
  return [
    {
      index: registry,
      name: `${registry}/${full}`,
      description: typeof description === "string" ? description : "",
      stars: typeof stars === "number" ? stars : 0,
      isOfficial: result.is_official === true,
      isAutomated: result.is_automated === true,
    },
  ];
}

async function searchCatalogue(
  session: RegistrySession,
  registry: string,
  term: string,
  limit: number,
): Promise<SearchResult[]> {
  const found: SearchResult[] = [];
  let seen = 0;
  let path: string | undefined = "_catalog?n=1000";
  while (path !== undefined && found.length < limit && seen < maxCatalogue) {
    const call = { path, scopes: ["registry:catalog:*"], what: "the list of its images" };
    const response: Response = await session.retrying(() => session.send(call));
    const body = await readJson(response, registry);
    const names = isObject(body) && Array.isArray(body.repositories) ? body.repositories : [];
    for (const name of names) {
      if (typeof name !== "string" || !name.includes(term)) continue;
      const plain = { description: "", stars: 0, isOfficial: false, isAutomated: false };
      found.push({ index: registry, name: `${registry}/${name}`, ...plain });
    }
    seen += Math.max(1, names.length);
    path = nextPage(response);
  }
  return found.slice(0, limit);
}

async function readJson(response: Response, registry: string): Promise<unknown> {
  const bytes = await readBody(response, maxManifestBytes, `the answer of ${registry}`);
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new CooperError("registry", `${registry} answers with no valid JSON`, { cause });
  }
}

/** The tags of the image that the term names. */
export async function searchTags(conf: RegistriesConf, query: SearchQuery): Promise<TagResult[]> {
  const { registry, repository } = parseName(query.term);
  if (registry === null)
    throw new CooperError("invalid-argument", "to list tags, the image needs its registry", {
      hint: `cooper search --list-tags docker.io/library/${query.term}`,
    });
  const isInsecure = isInsecureRegistry(conf, `${registry}/${repository}`);
  const source = { registry, repository, isInsecure, isMirror: false };
  const name = `${registry}/${repository}`;
  const tags = await openRegistry(conf, source, query).tags(repository, name);
  return [{ name, tags: tags.slice(0, query.limit) }];
}
