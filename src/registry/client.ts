/** The pull side of the distribution-spec: manifests, blobs and tags of one registry. */
import { CooperError, messageOf } from "../errors.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { isObject } from "../oci/json.ts";
import { decodeManifest, type Index, type Manifest, maxManifestBytes } from "../oci/manifest.ts";
import { acceptedManifests } from "../oci/media-type.ts";
import { parseChallenges } from "./challenge.ts";
import { bodyChunks, ConnectionError, readBody, request } from "./http.ts";

/** A user's name and password, or token, at one registry. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface RegistryOptions {
  /** Plain http and unproven certificates are allowed. null: only with the machine itself. */
  readonly isInsecure?: boolean;
  readonly credentials?: Credentials;
  /** How often something is tried again after the connection failed. */
  readonly retries?: number;
  readonly signal?: AbortSignal;
  onRetry?(why: string, inMs: number): void;
}

interface Call {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** For errors: what is asked for, as the user named it. */
  readonly what: string;
}

/** One registry; tokens are kept for as long as it lives. */
export class RegistryClient {
  readonly registry: string;
  private readonly options: RegistryOptions;
  private readonly tokens = new Map<string, Promise<string | undefined>>();
  private base: Promise<URL> | undefined;

  /** @param registry `docker.io`, `localhost:5000` */
  constructor(registry: string, options: RegistryOptions = {}) {
    this.registry = registry;
    this.options = options;
  }

  /** The manifest or index that a tag or digest names; a digest is verified. */
  async manifest(repository: string, tagOrDigest: string, what: string): Promise<Manifest | Index> {
    const path = `${repository}/manifests/${tagOrDigest}`;
    const { bytes, response } = await this.retrying(async () => {
      const response = await this.call(repository, path, {
        what,
        headers: { Accept: acceptedManifests.join(", ") },
      });
      return {
        response,
        bytes: await readBody(response, maxManifestBytes, `the manifest of ${what}`),
      };
    });
    const digest = digestOf(bytes);
    const claimed = tagOrDigest.includes(":")
      ? tagOrDigest
      : response.headers.get("docker-content-digest");
    if (claimed?.startsWith("sha256:") && claimed !== digest) {
      throw new CooperError(
        "corrupt",
        `the manifest of ${what} is damaged: expected ${claimed}, got ${digest}`,
      );
    }
    const type = response.headers.get("content-type")?.split(";", 1)[0]?.trim() ?? null;
    return decodeManifest(bytes, type, `the manifest of ${what}`);
  }

  /** A small blob, verified. */
  async smallBlob(
    repository: string,
    digest: Digest,
    maxBytes: number,
    what: string,
  ): Promise<Buffer> {
    const bytes = await this.retrying(async () =>
      readBody(
        await this.call(repository, `${repository}/blobs/${digest}`, { what }),
        maxBytes,
        `a blob of ${what}`,
      ),
    );
    if (digestOf(bytes) === digest) return bytes;
    throw new CooperError("corrupt", `a blob of ${what} is damaged: it is not ${digest}`);
  }

  /**
   * A blob in pieces. A lost connection is taken up again where it broke off. Neither more nor less than
   * `size` bytes come; that they are the right ones is for the caller to see by the digest.
   */
  async *blob(
    repository: string,
    digest: Digest,
    size: number,
    what: string,
  ): AsyncGenerator<Uint8Array> {
    let offset = 0;
    for (let failures = 0; offset < size || size === 0; ) {
      const before = offset;
      try {
        for await (const chunk of this.blobFrom(repository, digest, offset, what)) {
          offset += chunk.length;
          if (offset > size)
            throw new CooperError(
              "hostile",
              `a blob of ${what} is larger than the ${size} bytes that its manifest tells`,
            );
          yield chunk;
        }
        if (offset === size) return;
        throw new ConnectionError(`${this.registry} broke off a download`, true, undefined);
      } catch (error) {
        if (offset > before) failures = 0; // what makes progress may go on
        await this.pauseBefore(error, failures++);
      }
    }
  }

  private async *blobFrom(
    repository: string,
    digest: Digest,
    offset: number,
    what: string,
  ): AsyncGenerator<Uint8Array> {
    const headers: Record<string, string> = offset > 0 ? { Range: `bytes=${offset}-` } : {};
    const response = await this.call(repository, `${repository}/blobs/${digest}`, {
      what,
      headers,
    });
    // a registry that knows no ranges begins at the beginning
    const isPartial =
      response.status === 206 &&
      response.headers.get("content-range")?.startsWith(`bytes ${offset}-`);
    let superfluous = isPartial ? 0 : offset;
    for await (const chunk of bodyChunks(response)) {
      const rest = superfluous > 0 ? chunk.subarray(Math.min(superfluous, chunk.length)) : chunk;
      superfluous -= chunk.length - rest.length;
      if (rest.length > 0) yield rest;
    }
  }

  /** All tags of a repository; at most 10,000. */
  async tags(repository: string, what: string): Promise<string[]> {
    const tags: string[] = [];
    let path: string | undefined = `${repository}/tags/list?n=1000`;
    while (path !== undefined && tags.length < 10_000) {
      const current: string = path;
      const response: Response = await this.retrying(() =>
        this.call(repository, current, { what }),
      );
      const value: unknown = JSON.parse(
        (await readBody(response, maxManifestBytes, `the tags of ${what}`)).toString(),
      );
      if (isObject(value) && Array.isArray(value.tags))
        tags.push(...value.tags.filter((tag) => typeof tag === "string"));
      // distribution-spec, "Listing Tags": Link: </v2/…>; rel="next"
      path = /<(?:https?:\/\/[^/>]+)?\/v2\/([^>]+)>\s*;\s*rel="?next"?/.exec(
        response.headers.get("link") ?? "",
      )?.[1];
    }
    return tags;
  }

  /** One request, with a token where one is asked for; an error status is thrown. */
  private async call(repository: string, path: string, call: Call): Promise<Response> {
    const base = await this.findBase();
    const { credentials, signal } = this.options;
    const send = (authorization: string | undefined) =>
      request({
        method: call.method ?? "GET",
        url: new URL(`/v2/${path}`, base),
        headers: {
          ...call.headers,
          ...(authorization !== undefined && { Authorization: authorization }),
        },
        isInsecure: this.mayBeInsecure(),
        signal,
      });
    let response = await send(await this.tokens.get(repository));
    if (response.status === 401) {
      const challenges = parseChallenges(response.headers.get("www-authenticate") ?? "");
      await response.body?.cancel();
      const bearer = challenges.find(({ scheme }) => scheme === "bearer");
      const authorization =
        bearer !== undefined
          ? this.fetchToken(base, repository, bearer.parameters)
          : Promise.resolve(credentials === undefined ? undefined : basic(credentials));
      this.tokens.set(repository, authorization);
      response = await send(await authorization);
    }
    if (response.ok) return response;
    throw await this.failure(response, call.what);
  }

  /**
   * Where the API is. Plain http is only tried where that is allowed; the machine itself mostly runs
   * registries without certificates.
   */
  private findBase(): Promise<URL> {
    this.base ??= this.probeBase();
    return this.base;
  }

  private async probeBase(): Promise<URL> {
    const host = this.registry === "docker.io" ? "registry-1.docker.io" : this.registry;
    const secure = new URL(`https://${host}`);
    if (!this.mayBeInsecure()) return secure;
    const plain = new URL(`http://${host}`);
    const order = isLoopback(plain.hostname) ? [plain, secure] : [secure, plain];
    let failure: unknown;
    for (const url of order) {
      try {
        const response = await request({
          method: "GET",
          url: new URL("/v2/", url),
          headers: {},
          isInsecure: true,
          signal: this.options.signal,
        });
        await response.body?.cancel();
        if (response.status === 200 || response.status === 401) return url;
        failure ??= new CooperError(
          "registry",
          `${host} is no registry: it answers with status ${response.status}`,
        );
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        failure ??= error;
      }
    }
    this.base = undefined;
    throw asCooperError(failure);
  }

  private mayBeInsecure(): boolean {
    return this.options.isInsecure ?? isLoopback(new URL(`http://${this.registry}`).hostname);
  }

  /** distribution-spec's companion, "Token Authentication": anonymous without credentials. */
  private async fetchToken(
    base: URL,
    repository: string,
    parameters: ReadonlyMap<string, string>,
  ): Promise<string> {
    const realm = new URL(parameters.get("realm") ?? "", base);
    if (
      realm.protocol !== "https:" &&
      (base.protocol === "https:" || !isLoopback(realm.hostname))
    ) {
      throw new CooperError(
        "registry",
        `${this.registry} wants a token from ${realm.host}, which is not encrypted`,
      );
    }
    const service = parameters.get("service");
    if (service !== undefined) realm.searchParams.set("service", service);
    realm.searchParams.set("scope", parameters.get("scope") ?? `repository:${repository}:pull`);
    const { credentials, signal } = this.options;
    const response = await request({
      method: "GET",
      url: realm,
      headers: credentials === undefined ? {} : { Authorization: basic(credentials) },
      isInsecure: this.mayBeInsecure(),
      signal,
    });
    if (!response.ok) throw await this.failure(response, repository);
    const value: unknown = JSON.parse((await readBody(response, 1 << 20, "the token")).toString());
    const token = isObject(value) ? (value.token ?? value.access_token) : undefined;
    if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
      throw new CooperError("registry", `${realm.host} answered without a token`);
    }
    return `Bearer ${token}`;
  }

  /** An error answer, in words. */
  private async failure(response: Response, what: string): Promise<CooperError | BusyError> {
    const { status, headers } = response;
    const told = await toldReason(response);
    if (status === 404)
      return new CooperError("no-such-image", `${this.registry} has no ${what}${told}`);
    if (status === 401 || status === 403) {
      return new CooperError("registry", `${this.registry} does not give out ${what}${told}`, {
        hint: `it does not exist, or needs a log-in: cooper login ${this.registry}`,
      });
    }
    const wait = Number(headers.get("retry-after") ?? "");
    if (status === 429) {
      const limit = headers.get("ratelimit-limit");
      return new BusyError(
        `${this.registry} allows no more downloads for now${limit === null ? "" : ` (limit ${limit})`}${told}`,
        wait,
      );
    }
    if (status >= 500)
      return new BusyError(`${this.registry} answered with status ${status}${told}`, wait);
    return new CooperError(
      "registry",
      `${this.registry} answered with status ${status} when asked for ${what}${told}`,
    );
  }

  private async retrying<T>(act: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        return await act();
      } catch (error) {
        await this.pauseBefore(error, failures);
      }
    }
  }

  /** Waits before the next try; throws when there should be none. */
  private async pauseBefore(error: unknown, failures: number): Promise<void> {
    const isPassing =
      error instanceof BusyError || (error instanceof ConnectionError && error.isWorthRetrying);
    if (!isPassing || failures >= (this.options.retries ?? 3)) throw asCooperError(error);
    const asked =
      error instanceof BusyError && error.waitSeconds > 0 ? error.waitSeconds * 1000 : 0;
    if (asked > 30_000) throw asCooperError(error);
    const pause = Math.max(asked, 250 * 2 ** failures);
    this.options.onRetry?.(error.message, pause);
    await Bun.sleep(pause);
    this.options.signal?.throwIfAborted();
  }
}

/** The registry cannot now, and may soon. */
class BusyError extends Error {
  readonly waitSeconds: number;

  constructor(message: string, waitSeconds: number) {
    super(message);
    this.name = "BusyError";
    this.waitSeconds = Number.isFinite(waitSeconds) ? waitSeconds : 0;
  }
}

function asCooperError(error: unknown): unknown {
  if (error instanceof BusyError) {
    return new CooperError("registry", error.message, {
      cause: error,
      ...(error.waitSeconds > 0 && {
        hint: `try again in ${Math.ceil(error.waitSeconds)} seconds`,
      }),
    });
  }
  if (error instanceof ConnectionError)
    return new CooperError("network", messageOf(error), { cause: error });
  return error;
}

/** The registry's own words (distribution-spec, "Error Codes"), cut, and safe for a terminal. */
async function toldReason(response: Response): Promise<string> {
  let value: unknown;
  try {
    value = JSON.parse((await readBody(response, 64 << 10, "an error")).toString());
  } catch {
    return ""; // no JSON: a page for browsers
  }
  const first = isObject(value) && Array.isArray(value.errors) ? value.errors[0] : undefined;
  const message = isObject(first) && typeof first.message === "string" ? first.message : "";
  return message === "" ? "" : `: ${message.slice(0, 200).replace(/[^\x20-\x7e]/g, "?")}`;
}

const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** Whether a host name means this machine (RFC 6761, 6.3). */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname) ||
    hostname === "[::1]"
  );
}
