/**
 * `system adopt`: everything that Podman or Docker has on this machine, taken over without a download.
 * Their stores are only read. Layers go through the same door as those of a pull: the exact tar is
 * rebuilt, unpacked, and its digest compared. Nothing on disk is shared with the other engine but
 * blocks that the file system copies when they are written to.
 */
import { closeSync, constants, existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { imageByName, imagesByPrefix } from "../records/images.ts";
import { getVolume } from "../records/volumes.ts";
import { openInRoot } from "../system/rooted.ts";
import { takeVolumeIn } from "../volume/take-in.ts";
import { isDockerStore, openDockerStore } from "./docker-store.ts";
import { dockerPlace, podmanPlace } from "./foreign-places.ts";
import type { ForeignImage, ForeignStore, ForeignVolume } from "./foreign-store.ts";
import { loadPlans } from "./load.ts";
import { isPodmanStore, openPodmanStore } from "./podman-store.ts";
import { openStage } from "./stage.ts";
import { sweep } from "./sweep.ts";

export interface AdoptOptions {
  /** `podman`, `docker` or the root of a store; null: whatever is there. */
  readonly from: string | null;
  readonly images: boolean;
  readonly volumes: boolean;
  /** Gives what would clash with a name here another one, instead of leaving the name. */
  readonly renames: boolean;
  readonly signal?: AbortSignal;
}

/** What is to become of an image. */
export interface ImageStep {
  readonly kind: "image";
  readonly image: ForeignImage;
  /** `take`: it is not here. `name`: it is, without these names. `done`: nothing is left to do. */
  readonly action: "take" | "name" | "done";
  /** Those that it gets. */
  readonly names: readonly string[];
  /** Those that another image has here, and keeps. */
  readonly taken: readonly string[];
}

/** What is to become of a volume. */
export interface VolumeStep {
  readonly kind: "volume";
  readonly volume: ForeignVolume;
  readonly action: "take" | "done" | "refuse";
  /** The name that it gets. */
  readonly name: string;
  /** Of a refusal. */
  readonly why: string;
}

export type AdoptStep = ImageStep | VolumeStep;

/** A store, and what is to be done about all that is in it. */
export interface Adoption {
  readonly store: ForeignStore;
  readonly steps: readonly AdoptStep[];
}

/** What became of a step. */
export interface AdoptResult {
  readonly id: string;
  readonly bytes: number;
  readonly files: number;
}

/** Looks at the stores and decides; changes nothing. @throws CooperError no-such-object where there is none */
export function planAdoption(host: Host, options: AdoptOptions): Adoption[] {
  return findStores(host, options.from).map((store) => ({
    store,
    steps: [
      ...(options.images
        ? store.images().map((image) => imageStep(host, store, image, options))
        : []),
      ...(options.volumes
        ? store.volumes().map((volume) => volumeStep(host, store, volume, options))
        : []),
    ],
  }));
}

function findStores(host: Host, from: string | null): ForeignStore[] {
  const podman = podmanPlace(process.env, host.isRootless);
  const docker = dockerPlace(process.env, host.isRootless);
  if (from === "podman") return [openPodmanStore(podman.root, driverIfThere(podman))];
  if (from === "docker") return [openDockerStore(docker.root)];
  if (from !== null) return [openStoreAt(resolve(from))];
  const stores = [
    ...(isPodmanStore(podman.root) ? [openPodmanStore(podman.root, driverIfThere(podman))] : []),
    ...(isDockerStore(docker.root) ? [openDockerStore(docker.root)] : []),
  ];
  if (stores.length > 0) return stores;
  throw new CooperError(
    "no-such-object",
    `there is neither a store of Podman at ${podman.root} nor one of Docker at ${docker.root}`,
    { hint: "name its root with --from PATH" },
  );
}

/** storage.conf may name a driver that the store on disk is older than. */
function driverIfThere({ root, driver }: { root: string; driver: string | null }): string | null {
  return driver !== null && existsSync(join(root, `${driver}-images`)) ? driver : null;
}

function openStoreAt(path: string): ForeignStore {
  if (!existsSync(path)) throw new CooperError("invalid-argument", `no such directory: ${path}`);
  if (isPodmanStore(path)) return openPodmanStore(path, null);
  if (isDockerStore(path)) return openDockerStore(path);
  throw new CooperError("invalid-argument", `${path} is neither a store of Podman nor of Docker`, {
    hint: "Podman's is shown by: podman info -f '{{.Store.GraphRoot}}'; Docker's by: docker info -f '{{.DockerRootDir}}'",
  });
}

function imageStep(
  host: Host,
  store: ForeignStore,
  image: ForeignImage,
  { renames }: AdoptOptions,
): ImageStep {
  const suffix = `-${store.engine.toLowerCase()}`;
  const here = imagesByPrefix(host.database, image.id)[0];
  const names: string[] = [];
  const taken: string[] = [];
  for (const name of image.names) {
    const free = [name, ...(renames ? [`${name}${suffix}`] : [])].find((candidate) => {
      const holder = imageByName(host.database, [candidate]);
      return holder === undefined || holder.id === image.id;
    });
    if (free === undefined) taken.push(name);
    else names.push(free);
  }
  const hasAll = names.every((name) => here?.names.includes(name));
  const action = here === undefined ? "take" : hasAll ? "done" : "name";
  return { kind: "image", image, action, names, taken };
}

function volumeStep(
  host: Host,
  store: ForeignStore,
  volume: ForeignVolume,
  { renames }: AdoptOptions,
): VolumeStep {
  const step = (action: VolumeStep["action"], name: string, why = ""): VolumeStep => ({
    kind: "volume",
    volume,
    action,
    name,
    why,
  });
  if (volume.refusal !== null) return step("refuse", volume.name, volume.refusal);
  if (isOthers(host, store.root))
    return step(
      "refuse",
      volume.name,
      "its owners are those of another user's namespace; adopt it as that user",
    );
  const origin = originOf(store, volume);
  const names = [volume.name, `${volume.name}-${store.engine.toLowerCase()}`];
  const mine = names.find((name) => getVolume(host.database, name)?.adoptedFrom === origin);
  if (mine !== undefined) return step("done", mine);
  const free = names
    .slice(0, renames ? 2 : 1)
    .find((name) => getVolume(host.database, name) === undefined);
  if (free !== undefined) return step("take", free);
  return step(
    "refuse",
    volume.name,
    `there is another volume of that name here${renames ? "" : `; with --rename it becomes ${names[1]}`}`,
  );
}

const originOf = (store: ForeignStore, volume: ForeignVolume): string =>
  join(store.root, volume.path);

/** As root: a store that belongs to an ordinary user, whose files have shifted owners. */
function isOthers(host: Host, root: string): boolean {
  return !host.isRootless && statSync(root).uid !== (process.getuid?.() ?? 0);
}

/** Does one step. Whatever was done before stays when a later one fails, and is not done again. */
export async function adopt(
  host: Host,
  store: ForeignStore,
  step: AdoptStep,
  signal?: AbortSignal,
): Promise<AdoptResult> {
  signal?.throwIfAborted();
  return step.kind === "image"
    ? adoptImage(host, store, step, signal)
    : adoptVolume(host, store, step);
}

const swept = new WeakSet<Host>();

/** Before the first image: it lists directories, and a store has a thousand of them. */
async function sweepOnce(host: Host): Promise<void> {
  if (!swept.has(host)) await sweep(host);
  swept.add(host);
}

async function adoptImage(
  host: Host,
  store: ForeignStore,
  { image, names }: ImageStep,
  signal: AbortSignal | undefined,
): Promise<AdoptResult> {
  await sweepOnce(host);
  using stage = await openStage(host);
  using opened = image.open();
  const plan = { ...opened.plan, names };
  const name = `image ${image.id.slice(0, 12)} of ${store.engine}`;
  const [loaded] = await loadPlans(host, stage, {
    name,
    plans: [plan],
    origin: store.origin,
    ...(signal !== undefined && { signal }),
  });
  if (loaded === undefined)
    throw new CooperError("internal", `bug in Cooper: ${name} came to nothing`);
  return { id: loaded.image.id, bytes: loaded.image.size, files: 0 };
}

async function adoptVolume(
  host: Host,
  store: ForeignStore,
  { volume, name, action, why }: VolumeStep,
): Promise<AdoptResult> {
  if (action === "refuse")
    throw new CooperError("conflict", `volume ${volume.name} is left: ${why}`);
  using stage = await openStage(host);
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const source = openInRoot(store.root, volume.path, flags);
  try {
    const { bytes, files, warnings } = await takeVolumeIn(host, stage.next("volume"), source, {
      name,
      labels: volume.labels,
      adoptedFrom: originOf(store, volume),
    });
    for (const warning of warnings) host.warn(`volume ${name}: ${warning}`);
    return { id: name, bytes, files };
  } finally {
    closeSync(source);
  }
}
