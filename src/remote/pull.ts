/** Pulling and pushing by an engine elsewhere. */
import { errorOf, wordsError } from "../api/docker/error.ts";
import {
  hex,
  type Json,
  name as nameOf,
  number,
  object,
  objects,
  ownPart,
  text,
} from "../api/docker/reading.ts";
import type { CreateOptions } from "../container/create.ts";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import type { PullOptions } from "../image/pull.ts";
import { progressOnStderr, type TransferProgress } from "../image/transfer-progress.ts";
import { formatPlatform, type PlatformChoice } from "../oci/platform.ts";
import { parseName } from "../oci/reference.ts";
import { authHeaders } from "./access.ts";
import type { Client } from "./client.ts";

/** The image that a container is to be made of. */
export async function pullElsewhere(
  client: Client,
  { image, platform }: ContainerSpec,
  { fetch }: CreateOptions,
): Promise<void> {
  const onProgress = fetch?.isQuiet ? undefined : progressOnStderr();
  await pullImage(client, image ?? "", {
    ...fetch,
    platform,
    ...(onProgress !== undefined && { onProgress }),
  });
}

/** Resolves to the id of the image, and the name that it has there. */
export async function pullImage(
  client: Client,
  name: string,
  options: PullOptions,
): Promise<{ image: { id: string } }> {
  if (options.signaturePolicy !== undefined)
    throw new CooperError("not-supported", "--signature-policy: the engine elsewhere has its own");
  const policy = options.policy ?? "always";
  if (policy === "missing" || policy === "never") {
    const here = await find(client, name);
    if (here !== undefined) return { image: { id: here } };
    if (policy === "never") throw new CooperError("no-such-image", `no such image: ${name}`);
  }
  const { registry, repository, tag, digest } = parseName(name);
  const lines = client.lines("POST", "/images/create", {
    query: {
      fromImage: registry === null ? repository : `${registry}/${repository}`,
      tag: digest ?? tag ?? "latest",
      platform: platformText(options.platform),
    },
    headers: await authHeaders(client, name, options),
    signal: options.signal,
  });
  let id = "";
  const { kind } = await client.peer();
  const progress = new Progress(name, options.onProgress, kind === "cooper");
  for await (const line of lines) {
    const document = object(line);
    progress.line(document);
    id = hex(object(document.aux).ID) || id;
  }
  if (id === "") id = (await find(client, name)) ?? "";
  if (id === "")
    throw new CooperError("registry", `${name} was not pulled, and the engine does not say why`);
  progress.end(id);
  return { image: { id } };
}

async function find(client: Client, name: string): Promise<string | undefined> {
  try {
    const path = `/images/${encodeURIComponent(name)}/json`;
    return hex(object(await client.json("GET", path)).Id);
  } catch (error) {
    if (error instanceof CooperError && error.code === "no-such-image") return undefined;
    throw error;
  }
}

/** `linux/arm64/v8`; nothing where none was chosen. */
export function platformText(platform: PlatformChoice | null | undefined): string | null {
  const { os, architecture, variant } = platform ?? {};
  if (!os && !architecture && !variant) return null;
  const parts = { os: os ?? "linux", architecture: architecture ?? "", variant: variant ?? "" };
  return formatPlatform(parts).replace(/\/+$/, "");
}

/** Lines of a transfer as our own progress. */
export class Progress {
  private readonly tell: ((progress: TransferProgress) => void) | undefined;
  private readonly isOurs: boolean;
  private readonly name: string;
  private hasBegun = false;

  constructor(
    name: string,
    tell: ((progress: TransferProgress) => void) | undefined,
    isOurs: boolean,
  ) {
    this.name = name;
    this.tell = tell;
    this.isOurs = isOurs;
  }

  /** @throws CooperError what the line tells of a failure */
  line(document: Json): void {
    const failure = text(document.error) || text(object(document.errorDetail).message);
    if (failure !== "") {
      if (ownPart(document) === undefined) throw wordsError(failure, "registry");
      throw errorOf(500, JSON.stringify(document), "");
    }
    const own = ownPart(document);
    const progress = own === undefined ? this.ofDocker(document) : ownProgress(own);
    if (progress !== undefined) this.tell?.(progress);
  }

  end(id: string): void {
    if (!this.isOurs) this.tell?.({ kind: "end", name: this.name, id });
  }

  private ofDocker(document: Json): TransferProgress | undefined {
    const status = text(document.status);
    const id = text(document.id);
    // shown by the first digits of a digest, which is all that there is
    const digest = `sha256:${id}`;
    if (!this.hasBegun && !this.isOurs) {
      this.hasBegun = true;
      this.tell?.({ kind: "begin", name: this.name });
    }
    const { current, total } = object(document.progressDetail);
    if (!/^[0-9a-f]{12}$/.test(id)) return undefined;
    if (/^(Downloading|Pushing)$/.test(status) && number(total) > 0)
      return {
        kind: "layer",
        digest,
        doneBytes: Math.min(number(current), number(total) - 1),
        totalBytes: number(total),
      };
    if (/^(Pull complete|Pushed)$/.test(status)) return { kind: "done", digest, note: "" };
    if (/lready exists$/.test(status))
      return { kind: "done", digest, note: "skipped: already exists" };
    return undefined;
  }
}

/** Of another Cooper: its own value, checked. */
function ownProgress(own: Json): TransferProgress | undefined {
  const [digest, name] = [nameOf(own.digest), nameOf(own.name)];
  switch (own.kind) {
    case "begin":
      return { kind: "begin", name };
    case "layers":
      return {
        kind: "layers",
        layers: objects(own.layers).map((layer) => ({
          digest: nameOf(layer.digest),
          size: number(layer.size),
        })),
      };
    case "layer":
      return {
        kind: "layer",
        digest,
        doneBytes: number(own.doneBytes),
        totalBytes: number(own.totalBytes),
      };
    case "done":
      return { kind: "done", digest, note: nameOf(own.note) };
    case "waiting":
      return { kind: "waiting", digest };
    case "retry":
      return { kind: "retry", why: nameOf(own.why), inMs: number(own.inMs) };
    case "end":
      return { kind: "end", name, id: nameOf(own.id) };
    default:
      return undefined; // a newer one tells more
  }
}
