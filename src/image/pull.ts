/** `pull`: an image from a registry, its layers unpacked while they come. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import type { Digest } from "../oci/digest.ts";
import { type Index, type Manifest, maxConfigBytes } from "../oci/manifest.ts";
import { isForeignLayer } from "../oci/media-type.ts";
import {
  anyPlatform,
  choosePlatform,
  isPlatform,
  type PlatformChoice,
  resolvePlatform,
} from "../oci/platform.ts";
import {
  formatReference,
  formatRepository,
  parseName,
  type Reference,
  withDefaultTag,
} from "../oci/reference.ts";
import {
  type Image,
  imageByName,
  imagesByManifest,
  type StoredManifest,
} from "../records/images.ts";
import { type AccessOptions, openRegistry } from "../registry/access.ts";
import type { RegistryClient } from "../registry/client.ts";
import { type PullSource, pullSources } from "../registry/pull-sources.ts";
import { loadRegistriesConf, type RegistriesConf } from "../registry/registries-conf.ts";
import { meaningsOf } from "../registry/short-names.ts";
import { emitImage } from "./events.ts";
import { type LayerFetch, LayerFetcher } from "./fetch-layers.ts";
import { helloName, isHello } from "./hello-name.ts";
import { publishImage } from "./publish.ts";
import {
  type NameChoice,
  nameAgain,
  namesOf,
  noRegistry,
  ownDigest,
  referencesFor,
  repoDigestsOf,
} from "./pull-references.ts";
import { findNamedImage } from "./resolve.ts";
import { sweep } from "./sweep.ts";
import type { TransferProgress } from "./transfer-progress.ts";
import { assertAccepted, loadPolicy } from "./trust/accept.ts";
import { registryCandidate } from "./trust/registry-candidate.ts";

export interface PullOptions extends AccessOptions, NameChoice {
  /** `missing` and `newer` ask less of the registry than `always`; default: always. */
  readonly policy?: "always" | "missing" | "never" | "newer";
  readonly platform?: PlatformChoice;
  onProgress?(progress: TransferProgress): void;
  /** A file in place of the machine's policy.json. */
  readonly signaturePolicy?: string;
  /** A name that another image has stays with it. */
  readonly keepsNames?: boolean;
}

/** What a pull led to. */
export interface PulledImage {
  readonly image: Image;
  /** Fully qualified. */
  readonly name: string;
  /** Whether anything was fetched. */
  readonly isNew: boolean;
}

/** Pulls an image. A short name is asked for at each registry that registries.conf names for it, in order. */
export async function pullImage(
  host: Host,
  name: string,
  options: PullOptions = {},
): Promise<PulledImage> {
  const here = findNamedImage(host, name);
  const policy = options.policy ?? "always";
  if (
    here !== undefined &&
    (policy === "never" || (policy === "missing" && fits(here.image, options)))
  ) {
    return { image: here.image, name: here.name, isNew: false };
  }
  if (policy === "never") throw new CooperError("no-such-image", `no such image: ${name}`);
  if (isHello(name))
    return {
      image: here?.image ?? (await (await import("./hello.ts")).makeHello(host)),
      name: helloName,
      isNew: here === undefined,
    };
  const conf = loadRegistriesConf(process.env, host.isRootless);
  try {
    return await pullFirst(host, name, conf, options);
  } catch (error) {
    const isUnreachable =
      error instanceof CooperError && (error.code === "network" || error.code === "registry");
    if (policy !== "newer" || here === undefined || !isUnreachable) throw error;
    host.warn(`using the image ${here.name} as it is here: ${error.message}`);
    return { image: here.image, name: here.name, isNew: false };
  }
}

/** Pulls every tag of a repository. */
export async function pullAllTags(
  host: Host,
  name: string,
  options: PullOptions = {},
): Promise<PulledImage[]> {
  const parsed = parseName(name);
  if (parsed.tag !== null || parsed.digest !== null) {
    throw new CooperError("invalid-argument", `all tags are asked for, and "${name}" names one`);
  }
  const conf = loadRegistriesConf(process.env, host.isRootless);
  const reference = meaningsOf(conf, withDefaultTag(parsed)).references[0];
  if (reference === undefined) throw noRegistry(name);
  const [source] = pullSources(conf, reference.registry, reference.repository, false).slice(-1);
  if (source === undefined) throw noRegistry(name);
  const tags = await clientFor(conf, source, options).tags(
    source.repository,
    formatRepository(reference),
  );
  const pulled: PulledImage[] = [];
  for (const tag of tags)
    pulled.push(await pullReference(host, { ...reference, tag }, conf, options));
  return pulled;
}

function fits(image: Image, { platform = anyPlatform }: PullOptions): boolean {
  const { os, architecture, variant } = image.config;
  const isAsked =
    platform.os !== null || platform.architecture !== null || platform.variant !== null;
  return (
    !isAsked || isPlatform({ os, architecture, variant: variant ?? "" }, resolvePlatform(platform))
  );
}

async function pullFirst(
  host: Host,
  name: string,
  conf: RegistriesConf,
  options: PullOptions,
): Promise<PulledImage> {
  const { references, remember } = await referencesFor(host, name, conf, options);
  const failures: CooperError[] = [];
  for (const reference of references) {
    try {
      const pulled = await pullReference(host, reference, conf, options);
      await remember?.(reference);
      return pulled;
    } catch (error) {
      // another registry may have it; anything but "not here" is final
      if (
        !(error instanceof CooperError) ||
        !["no-such-image", "registry", "network"].includes(error.code)
      )
        throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (first === undefined) throw noRegistry(name);
  if (failures.length === 1) {
    if (first.code !== "network") throw first;
    throw new CooperError("network", `cannot pull ${name}: ${first.message}`, { cause: first });
  }
  throw new CooperError(
    "no-such-image",
    `no registry has ${name}: ${failures.map((failure) => failure.message).join("; ")}`,
    { cause: first },
  );
}

/** From the first mirror that has it, else from the registry itself. */
async function pullReference(
  host: Host,
  reference: Reference,
  conf: RegistriesConf,
  options: PullOptions,
): Promise<PulledImage> {
  const sources = pullSources(
    conf,
    reference.registry,
    reference.repository,
    reference.digest !== null,
  );
  let failure: unknown;
  for (const source of sources) {
    try {
      return await pullFrom(host, { conf, reference, source }, options);
    } catch (error) {
      if (
        !(error instanceof CooperError) ||
        !["no-such-image", "registry", "network"].includes(error.code)
      )
        throw error;
      failure = error;
    }
  }
  throw failure;
}

interface Way {
  readonly conf: RegistriesConf;
  readonly reference: Reference;
  readonly source: PullSource;
}

function clientFor(conf: RegistriesConf, source: PullSource, options: PullOptions): RegistryClient {
  const { onProgress } = options;
  return openRegistry(conf, source, {
    ...options,
    ...(onProgress !== undefined && {
      onRetry: (why: string, inMs: number) => onProgress({ kind: "retry", why, inMs }),
    }),
  });
}

async function pullFrom(
  host: Host,
  { conf, reference, source }: Way,
  options: PullOptions,
): Promise<PulledImage> {
  const name = formatReference(reference);
  options.onProgress?.({ kind: "begin", name });
  const client = clientFor(conf, source, options);
  const digest = reference.digest ?? (await currentDigest(host, client, { source, name }));
  const unchanged = digest === undefined ? undefined : knownImage(host, digest, options);
  const fetch = { reference, source, client, name };
  if (unchanged !== undefined)
    await assertTrusted(host, fetch, async () => ownDigest(unchanged, name), options);
  const pulled =
    digest === undefined || unchanged === undefined
      ? await fetchNamed(host, fetch, options)
      : { image: nameAgain(host, unchanged, { reference, digest }, options), isNew: false };
  emitImage(host, "pull", pulled.image.id, name);
  options.onProgress?.({ kind: "end", name, id: pulled.image.id });
  return { ...pulled, name };
}

/** Only asked for where the answer may save the rest: when the name is here already. */
async function currentDigest(
  host: Host,
  client: RegistryClient,
  { source, name }: { readonly source: PullSource; readonly name: string },
): Promise<string | undefined> {
  if (imageByName(host.database, [name]) === undefined) return undefined;
  const tag = name.slice(name.lastIndexOf(":") + 1);
  return client.manifestDigest(source.repository, tag, name);
}

async function fetchNamed(
  host: Host,
  fetch: Omit<Fetch, "top">,
  options: PullOptions,
): Promise<{ image: Image; isNew: boolean }> {
  const { reference, source, client, name } = fetch;
  const wanted = reference.digest ?? reference.tag ?? "latest";
  const top = await client.manifest(source.repository, wanted, name);
  const own = async () => ((await ownManifest({ ...fetch, top }, options)).at(-1) ?? top).digest;
  await assertTrusted(host, fetch, own, options);
  const known = knownImage(host, top.digest, options);
  if (known !== undefined)
    return {
      image: nameAgain(host, known, { reference, digest: top.digest }, options),
      isNew: false,
    };
  return { image: await fetchImage(host, { ...fetch, top }, options), isNew: true };
}

/** Before anything is kept or named. A policy that asks for no signature costs no request. */
async function assertTrusted(
  host: Host,
  fetch: Omit<Fetch, "top">,
  own: () => Promise<Digest>,
  options: PullOptions,
): Promise<void> {
  const { isRootless } = host;
  const image = { ...fetch, isRootless, signal: options.signal };
  await assertAccepted(host, loadPolicy(options.signaturePolicy), registryCandidate(image, own));
}

/** The image that this very manifest or index led to before, for the platform that is wanted now. */
function knownImage(host: Host, digest: string, options: PullOptions): Image | undefined {
  const wanted = resolvePlatform(options.platform ?? anyPlatform);
  return imagesByManifest(host.database, digest).find((image) => {
    const { os, architecture, variant } = image.config;
    return (
      image.manifestDigest === digest ||
      isPlatform({ os, architecture, variant: variant ?? "" }, wanted)
    );
  });
}

interface Fetch {
  readonly reference: Reference;
  readonly source: PullSource;
  readonly client: RegistryClient;
  readonly top: Manifest | Index;
  readonly name: string;
}

async function fetchImage(host: Host, fetch: Fetch, options: PullOptions): Promise<Image> {
  const { client, source, name } = fetch;
  const manifests = await ownManifest(fetch, options);
  const manifest = manifests.at(-1);
  if (manifest?.kind !== "manifest")
    throw new CooperError("hostile", `${name} is an index of indexes of indexes`);
  if (manifest.layers.some(({ mediaType }) => isForeignLayer(mediaType)))
    throw new CooperError(
      "not-supported",
      `${name} has layers that its registry does not keep (foreign ones, as Windows images have), and these are not fetched`,
    );
  if (manifest.config.size > maxConfigBytes)
    throw new CooperError("hostile", `the configuration of ${name} is larger than 8 MiB`);
  const bytes = await client.smallBlob(
    source.repository,
    manifest.config.digest,
    maxConfigBytes,
    name,
  );
  const config = decodeImageConfig(bytes, `the configuration of ${name}`);
  if (config.diffIds.length !== manifest.layers.length) {
    throw new CooperError(
      "corrupt",
      `the manifest of ${name} has ${manifest.layers.length} layers, its configuration ${config.diffIds.length}`,
    );
  }
  await sweep(host);
  const fetches = manifest.layers.map(
    (layer, index): LayerFetch => ({
      diffId: config.diffIds[index] ?? layer.digest,
      blob: { digest: layer.digest, size: layer.size },
      from: (offset) => client.blob(source.repository, layer.digest, layer.size, name, offset),
    }),
  );
  options.onProgress?.({
    kind: "layers",
    layers: manifest.layers.map(({ digest, size }) => ({ digest, size })),
  });
  const attempt = async () => {
    using fetcher = new LayerFetcher(host, {
      ...options,
      limit: host.settings.imageParallelCopies ?? 4,
    });
    const layers = await fetcher.all(fetches);
    const image = await publishImage(host, {
      config: config.config,
      configText: config.text,
      layers,
      parentId: null,
      manifests: manifests.map(
        ({ digest, mediaType, text }): StoredManifest => ({ digest, mediaType, text }),
      ),
      names: namesOf(host, fetch.reference, options.keepsNames),
      repoDigests: repoDigestsOf(fetch.reference, manifests),
    });
    fetcher.published();
    return image;
  };
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      // somebody removed a layer that we counted on
      const isGone = error instanceof CooperError && error.code === "conflict";
      if (!isGone || tries >= 3) throw error;
    }
  }
}

/** The way from what the name stands for to the image's own manifest. */
async function ownManifest(
  { client, source, top, name }: Fetch,
  options: PullOptions,
): Promise<(Manifest | Index)[]> {
  const path: (Manifest | Index)[] = [top];
  for (let at = top; at.kind === "index" && path.length <= 3; ) {
    const chosen = choosePlatform(at.manifests, options.platform ?? anyPlatform, name);
    const next = await client.manifest(source.repository, chosen.digest, name);
    path.push(next);
    at = next;
  }
  return path;
}
