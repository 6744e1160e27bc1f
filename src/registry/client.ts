/** The pull side of the distribution-spec: manifests, blobs and tags of one registry. */
import { CooperError } from "../errors.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { isObject } from "../oci/json.ts";
import { decodeManifest, type Index, type Manifest, maxManifestBytes } from "../oci/manifest.ts";
import { acceptedManifests } from "../oci/media-type.ts";
import { bodyChunks, ConnectionError, readBody } from "./http.ts";
import { type RegistryOptions, RegistrySession } from "./session.ts";

const pullScope = (repository: string): string[] => [`repository:${repository}:pull`];

/** One registry; tokens are kept for as long as it lives. */
export class RegistryClient {
  readonly registry: string;
  readonly session: RegistrySession;

  /** @param registry `docker.io`, `localhost:5000` */
  constructor(registry: string, options: RegistryOptions = {}) {
    this.registry = registry;
    this.session = new RegistrySession(registry, options);
  }

  /** The manifest or index that a tag or digest names; a digest is verified. */
  async manifest(repository: string, tagOrDigest: string, what: string): Promise<Manifest | Index> {
    const { bytes, type } = await this.rawManifest(repository, tagOrDigest, what);
    return decodeManifest(bytes, type, `the manifest of ${what}`);
  }

  /** As manifest(), not decoded: also of what is no image. */
  async rawManifest(
    repository: string,
    tagOrDigest: string,
    what: string,
  ): Promise<{ readonly bytes: Buffer; readonly type: string | null; readonly digest: Digest }> {
    const { bytes, response } = await this.session.retrying(async () => {
      const response = await this.session.send({
        path: `${repository}/manifests/${tagOrDigest}`,
        scopes: pullScope(repository),
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
    return { bytes, type, digest };
  }

  /**
   * What a tag stands for now, without fetching it (Docker Hub does not count that as a download);
   * undefined when the registry does not tell.
   */
  async manifestDigest(repository: string, tag: string, what: string): Promise<Digest | undefined> {
    const response = await this.session.retrying(() =>
      this.session.send({
        method: "HEAD",
        path: `${repository}/manifests/${tag}`,
        scopes: pullScope(repository),
        what,
        headers: { Accept: acceptedManifests.join(", ") },
        expects: [405],
      }),
    );
    const digest = response.ok ? response.headers.get("docker-content-digest") : null;
    return isDigest(digest) ? digest : undefined;
  }

  /** A small blob, verified. */
  async smallBlob(
    repository: string,
    digest: Digest,
    maxBytes: number,
    what: string,
  ): Promise<Buffer> {
    const bytes = await this.session.retrying(async () =>
      readBody(
        await this.session.send({
          path: `${repository}/blobs/${digest}`,
          scopes: pullScope(repository),
          what,
        }),
        maxBytes,
        `a blob of ${what}`,
      ),
    );
    if (digestOf(bytes) === digest) return bytes;
    throw new CooperError("corrupt", `a blob of ${what} is damaged: it is not ${digest}`);
  }

  /**
   * A blob in pieces, from `offset` on. A lost connection is taken up again where it broke off. Neither
   * more nor less than `size` bytes come; that they are the right ones is for the caller to see by the digest.
   */
  async *blob(
    repository: string,
    digest: Digest,
    size: number,
    what: string,
    offset = 0,
  ): AsyncGenerator<Uint8Array> {
    let position = offset;
    for (let failures = 0; position < size || size === 0; ) {
      const before = position;
      try {
        const wanted = { repository, digest, size, what };
        for await (const chunk of this.blobFrom(wanted, position)) {
          position += chunk.length;
          if (position > size) throw tooLong(what, size);
          yield chunk;
        }
        if (position === size) return;
        throw new ConnectionError(`${this.registry} broke off a download`, true, undefined);
      } catch (error) {
        if (position > before) failures = 0; // what makes progress may go on
        await this.session.pauseBefore(error, failures++);
      }
    }
  }

  private async *blobFrom(wanted: BlobWanted, offset: number): AsyncGenerator<Uint8Array> {
    let response = await this.askBlob(wanted, offset > 0 ? `bytes=${offset}-` : undefined);
    let superfluous = 0;
    if (offset > 0 && response.status !== 206) {
      superfluous = offset; // a registry that knows no ranges begins at the beginning
    } else if (offset > 0 && !isRangeFrom(response, offset, wanted.size)) {
      // it lies: what it sent is not used, and what it sends of the whole is counted
      await response.body?.cancel();
      response = await this.askBlob(wanted, undefined);
      superfluous = offset;
    }
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    if (response.status === 200 && length > wanted.size) {
      await response.body?.cancel();
      throw tooLong(wanted.what, wanted.size);
    }
    for await (const chunk of bodyChunks(response)) {
      const rest = superfluous > 0 ? chunk.subarray(Math.min(superfluous, chunk.length)) : chunk;
      superfluous -= chunk.length - rest.length;
      if (rest.length > 0) yield rest;
    }
  }

  /** A digest names the bytes for ever, so no If-Range is needed; 416 means that ranges are not understood. */
  private async askBlob(
    { repository, digest, what }: BlobWanted,
    range: string | undefined,
  ): Promise<Response> {
    const call = {
      path: `${repository}/blobs/${digest}`,
      scopes: pullScope(repository),
      what,
      headers: {},
    };
    if (range === undefined) return this.session.send(call);
    const response = await this.session.send({
      ...call,
      headers: { Range: range },
      expects: [416],
    });
    if (response.status !== 416) return response;
    await response.body?.cancel();
    return this.session.send(call);
  }

  /** All tags of a repository; at most 10,000. */
  async tags(repository: string, what: string): Promise<string[]> {
    const tags: string[] = [];
    let path: string | undefined = `${repository}/tags/list?n=1000`;
    while (path !== undefined && tags.length < 10_000) {
      const current: string = path;
      const response: Response = await this.session.retrying(() =>
        this.session.send({ path: current, scopes: pullScope(repository), what }),
      );
      const value: unknown = JSON.parse(
        (await readBody(response, maxManifestBytes, `the tags of ${what}`)).toString(),
      );
      if (isObject(value) && Array.isArray(value.tags))
        tags.push(...value.tags.filter((tag) => typeof tag === "string"));
      path = nextPage(response);
    }
    return tags;
  }
}

interface BlobWanted {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
  readonly what: string;
}

/** Whether a 206 begins where it should, and is part of a whole of the right size (RFC 9110, 14.4). */
function isRangeFrom(response: Response, offset: number, size: number): boolean {
  const range = response.headers.get("content-range") ?? "";
  const [, start, , total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range) ?? [];
  return Number(start) === offset && (total === "*" || Number(total) === size);
}

/** The path below `/v2/` of the next page (distribution-spec, "Listing Tags": Link: </v2/…>; rel="next"). */
export function nextPage(response: Response): string | undefined {
  const link = response.headers.get("link") ?? "";
  return /<(?:https?:\/\/[^/>]+)?\/v2\/([^>]+)>\s*;\s*rel="?next"?/.exec(link)?.[1];
}

function tooLong(what: string, size: number): CooperError {
  return new CooperError(
    "hostile",
    `a blob of ${what} is larger than the ${size} bytes that its manifest tells`,
  );
}
