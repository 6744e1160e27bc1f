/** Verbs on images of an engine elsewhere. */
import { createReadStream, lstatSync } from "node:fs";
import { readHistory, readImage } from "../api/docker/read-image.ts";
import {
  hex,
  name as nameOf,
  number,
  object,
  objects,
  ownPart,
  text,
} from "../api/docker/reading.ts";
import type { ImageVerbs } from "../engine.ts";
import { CooperError, errnoName } from "../errors.ts";
import type { FetchOptions } from "../image/for-container.ts";
import type { HistoryStep } from "../image/history.ts";
import type { ImportOptions } from "../image/import.ts";
import type { ListedImage, ListOptions } from "../image/list.ts";
import type { LoadOptions } from "../image/load.ts";
import type { PrunedImages, PruneOptions } from "../image/prune.ts";
import type { PullOptions } from "../image/pull.ts";
import type { PushedImage, PushOptions } from "../image/push.ts";
import type { RemovedImage, RemoveOptions } from "../image/remove.ts";
import type { SavedImage, SaveOptions } from "../image/save.ts";
import type { Digest } from "../oci/digest.ts";
import { parseName } from "../oci/reference.ts";
import { authHeaders, noAuth } from "./access.ts";
import type { Client } from "./client.ts";
import { filtersText, fullNames } from "./names.ts";
import { Progress, platformText, pullImage } from "./pull.ts";

const at = (name: string) => `/images/${encodeURIComponent(name)}`;

/** See Images: what Docker's API has of it. */
export class RemoteImages implements Partial<ImageVerbs> {
  private readonly client: Client;
  private readonly here: () => CooperError;

  /** @param here the error for what only the engine of this machine can do */
  constructor(client: Client, here: () => CooperError) {
    this.client = client;
    this.here = here;
  }

  async list({ all, filters = [] }: ListOptions): Promise<ListedImage[]> {
    const query = { all, filters: filtersText(filters) };
    const items = objects(await this.client.json("GET", "/images/json", { query }));
    const fullName = fullNames(await this.client.peer());
    return items.map((item) => readImage(item, fullName));
  }

  async names(): Promise<string[]> {
    return (await this.list({})).flatMap(({ image }) => image.names);
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    const document = object(await this.client.json("GET", `${at(name)}/json`));
    return ownPart(document) ?? document;
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.inspect(name);
      return true;
    } catch (error) {
      if (error instanceof CooperError && error.code === "no-such-image") return false;
      throw error;
    }
  }

  async labels(name: string, fetch: FetchOptions) {
    await this.pull(name, { ...fetch, policy: "missing" });
    const config = object((await this.inspect(name)).Config);
    return { name, labels: object(config.Labels) as Readonly<Record<string, string>> };
  }

  async history(name: string): Promise<HistoryStep[]> {
    const fullName = fullNames(await this.client.peer());
    const steps = objects(await this.client.json("GET", `${at(name)}/history`));
    return steps.map((step) => readHistory(step, fullName));
  }

  /** What an image changes is not told; who named no container at all hears that. */
  async changes(name: string): Promise<never> {
    if (await this.exists(name)) throw this.here();
    throw new CooperError("no-such-container", `no such container: ${name}`);
  }

  async tag(name: string, names: readonly string[]): Promise<void> {
    for (const target of names) {
      const { registry, repository, tag } = parseName(target);
      const repo = registry === null ? repository : `${registry}/${repository}`;
      await this.client.act("POST", `${at(name)}/tag`, { query: { repo, tag } });
    }
  }

  async remove(name: string, { force, keepsParents }: RemoveOptions): Promise<RemovedImage> {
    const query = { force, noprune: keepsParents };
    return this.removed(await this.client.json("DELETE", at(name), { query }));
  }

  private async removed(items: unknown): Promise<RemovedImage> {
    const fullName = fullNames(await this.client.peer());
    const all = objects(items);
    return {
      untagged: all
        .map(({ Untagged }) => text(Untagged))
        .filter((one) => one !== "")
        .map(fullName),
      deleted: all.map(({ Deleted }) => hex(Deleted)).filter((id) => id !== ""),
    };
  }

  async prune({ all, filters = [] }: PruneOptions): Promise<PrunedImages> {
    const dangling = `dangling=${all ? "false" : "true"}`;
    const query = { filters: filtersText([...filters, dangling]) };
    const document = object(await this.client.json("POST", "/images/prune", { query }));
    return {
      ...(await this.removed(document.ImagesDeleted)),
      reclaimedBytes: number(document.SpaceReclaimed),
    };
  }

  pull(name: string, options: PullOptions) {
    return pullImage(this.client, name, options);
  }

  async push(name: string, destination: string | null, options: PushOptions): Promise<PushedImage> {
    assertPlainPush(options);
    if (destination === null || destination === name) return this.pushNamed(name, options);
    // the API pushes by a name that the image has: it gets one for as long as that takes
    const isThere = await this.exists(destination);
    await this.tag(name, [destination]);
    try {
      return await this.pushNamed(destination, options);
    } finally {
      if (!isThere) await this.remove(destination, { keepsParents: true });
    }
  }

  private async pushNamed(target: string, options: PushOptions): Promise<PushedImage> {
    const { registry, repository, tag } = parseName(target);
    const path = registry === null ? repository : `${registry}/${repository}`;
    const lines = this.client.lines("POST", `${at(path)}/push`, {
      query: { tag: tag ?? "latest", platform: platformText(options.platform) },
      headers: { ...noAuth, ...(await authHeaders(this.client, target, options)) },
      signal: options.signal,
    });
    const { kind } = await this.client.peer();
    const progress = new Progress(target, options.onProgress, kind === "cooper");
    let pushed: PushedImage | undefined;
    for await (const line of lines) {
      const document = object(line);
      progress.line(document);
      const aux = object(document.aux);
      const digest = nameOf(aux.digest) || nameOf(aux.Digest);
      if (digest !== "")
        pushed = {
          name: nameOf(aux.name) || `${path}:${tag ?? "latest"}`,
          digest: digest as Digest,
          manifestBytes: number(aux.manifestBytes ?? aux.Size),
          mediaType: text(aux.mediaType),
        };
    }
    if (pushed === undefined)
      throw new CooperError("registry", `the engine does not say that ${target} was pushed`);
    progress.end(pushed.digest);
    return pushed;
  }

  async load(options: LoadOptions) {
    if (options.signaturePolicy !== undefined) throw this.here();
    const fullName = fullNames(await this.client.peer());
    const lines = this.client.lines("POST", "/images/load", {
      query: { quiet: true, platform: platformText(options.platform) },
      body: archiveOf(options.input),
      contentType: "application/x-tar",
      signal: options.signal,
    });
    const progress = new Progress("", undefined, true);
    const found: { image: { id: string }; names: string[] }[] = [];
    for await (const line of lines) {
      const document = object(line);
      progress.line(document);
      const [, kind, what = ""] = /Loaded image( ID)?: (\S+)/.exec(text(document.stream)) ?? [];
      if (what === "") continue;
      if (kind === undefined) found.push({ image: { id: "" }, names: [fullName(nameOf(what))] });
      else found.push({ image: { id: hex(what) }, names: [] });
    }
    return found;
  }

  async save(names: readonly string[], options: SaveOptions): Promise<SavedImage[]> {
    const { format, namesThere, family, platform } = options;
    const isPlain = format === "docker-archive" || format === "oci-archive";
    if (!isPlain || namesThere !== undefined || family !== undefined || (platform ?? null) !== null)
      throw this.here();
    const { kind } = await this.client.peer();
    // every engine gives the archive that it has: only Docker of today has one that is both
    if (format === "oci-archive" && kind !== "docker") throw this.here();
    const { body } = await this.client.open("GET", "/images/get", {
      query: { names },
      signal: options.signal,
    });
    await (await import("../container/export.ts")).writeTar(body, options.output);
    return [];
  }

  async import(options: ImportOptions): Promise<{ id: string }> {
    if (options.signaturePolicy !== undefined) throw this.here();
    const isUrl = options.input !== null && /^https?:\/\//i.test(options.input);
    const {
      registry = null,
      repository = "",
      tag = null,
    } = options.name === null ? {} : parseName(options.name);
    const lines = this.client.lines("POST", "/images/create", {
      query: {
        fromSrc: isUrl ? options.input : "-",
        repo: registry === null ? repository : `${registry}/${repository}`,
        tag,
        changes: options.changes,
        message: options.message,
        platform: platformText(options.platform),
      },
      ...(!isUrl && { body: archiveOf(options.input), contentType: "application/x-tar" }),
      signal: options.signal,
    });
    const progress = new Progress("", undefined, true);
    let id = "";
    for await (const line of lines) {
      const document = object(line);
      progress.line(document);
      id = /^sha256:([0-9a-f]{64})$/.exec(text(document.status))?.[1] ?? id;
    }
    if (id === "")
      throw new CooperError("helper-failed", "the engine does not say what it has made");
    // Podman 4 forgets the name
    const { kind } = await this.client.peer();
    if (kind === "podman" && options.name !== null) await this.tag(id, [options.name]);
    return { id };
  }
}

/** How it is packed and signed is the other engine's own business. */
function assertPlainPush({ family, compression, signers }: PushOptions): void {
  const isAsked =
    (family ?? null) !== null ||
    (compression?.format ?? null) !== null ||
    (compression?.level ?? null) !== null ||
    compression?.isForced === true ||
    Object.keys(signers ?? {}).length > 0;
  if (isAsked)
    throw new CooperError(
      "not-supported",
      "formats, compression and signatures of a push cannot be asked of an engine elsewhere: Docker's API has no words for it",
    );
}

/** A file, or standard input. */
function archiveOf(input: string | null): AsyncIterable<Uint8Array> {
  if (input === null) return Bun.stdin.stream();
  const stat = lstatSync(input, { throwIfNoEntry: false });
  if (stat === undefined) throw new CooperError("no-such-object", `there is no file ${input}`);
  if (stat.isDirectory())
    throw new CooperError("not-supported", `${input} is a directory: only archives can be sent`, {
      hint: "send a tar of it",
    });
  return read(input);
}

async function* read(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file);
  } catch (cause) {
    throw new CooperError("invalid-argument", `cannot read ${file}: ${errnoName(cause)}`, {
      cause,
    });
  }
}
