/**
 * Docker's store, read in place while no daemon is asked: moby's image and layer databases
 * (`image/DRIVER/{repositories.json,imagedb,layerdb}`), whose tar-split files give back each layer's
 * exact tar out of `overlay2/ID/diff` or `vfs/dir/ID`. The manifests that images came with are not
 * kept there.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { rebuildFromSplit } from "../layer/tar-split.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { type Digest, digestOf, hexOf } from "../oci/digest.ts";
import { isObject } from "../oci/json.ts";
import { dockerReference } from "../oci/location.ts";
import { maxConfigBytes } from "../oci/manifest.ts";
import { formatReference } from "../oci/reference.ts";
import { containerdImages, containerdOf } from "./containerd-store.ts";
import {
  type ForeignImage,
  type ForeignStore,
  isPlainName,
  listStore,
  opened,
  readStoreFile,
  readStoreJson,
} from "./foreign-store.ts";
import { dockerVolumes } from "./foreign-volumes.ts";
import type { ImagePlan } from "./load-plan.ts";
import type { LayerPlan } from "./stage-layers.ts";
import { daemonOrigin } from "./trust/origin.ts";

const drivers = ["overlay2", "vfs"] as const;
type Driver = (typeof drivers)[number];

/** Whether a directory is Docker's data root. */
export function isDockerStore(root: string): boolean {
  return existsSync(join(root, "image")) || containerdOf(root) !== undefined;
}

/** Opens a store; nothing is read yet. @throws CooperError not-supported for what is not read in place */
export function openDockerStore(root: string): ForeignStore {
  const driver = drivers.find((name) => existsSync(join(root, "image", name, "repositories.json")));
  const containerd = containerdOf(root);
  // what is in both is the same image: an upgraded Docker may still have what it had before
  const images = () => [
    ...(containerd === undefined ? [] : containerdImages(containerd)),
    ...(driver === undefined ? [] : readImages(root, driver)),
  ];
  if (driver === undefined && containerd === undefined) throw noStore(root);
  return {
    engine: "Docker",
    root,
    origin: daemonOrigin,
    images,
    volumes: () => dockerVolumes(root),
  };
}

function noStore(root: string): CooperError {
  const other = listStore(join(root, "image"))[0];
  if (other === undefined)
    return new CooperError("no-such-object", `there is no store of Docker at ${root}`);
  return new CooperError(
    "not-supported",
    `Docker at ${root} uses the storage driver ${other}; only overlay2, vfs and containerd's store are read in place`,
    { hint: "start Docker, and take each over with: cooper pull docker-daemon:NAME:TAG" },
  );
}

function readImages(root: string, driver: Driver): ForeignImage[] {
  const names = namesById(root, driver);
  const contents = `image/${driver}/imagedb/content/sha256`;
  return listStore(join(root, contents))
    .filter((id) => /^[0-9a-f]{64}$/.test(id))
    .map((id) => {
      const all = names.get(id) ?? [];
      return {
        id,
        names: all.filter((name) => !name.includes("@")),
        repoDigests: all.filter((name) => name.includes("@")),
        size: null,
        open: () => opened(planOf(root, driver, id, all)),
      };
    });
}

/** repositories.json: repository → name → image; short names are Docker Hub's. */
function namesById(root: string, driver: Driver): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  const value = readStoreJson(root, `image/${driver}/repositories.json`);
  const repositories = isObject(value) && isObject(value.Repositories) ? value.Repositories : {};
  for (const references of Object.values(repositories)) {
    if (!isObject(references)) continue;
    for (const [name, id] of Object.entries(references)) {
      if (typeof id !== "string" || !/^sha256:[0-9a-f]{64}$/.test(id)) continue;
      const hex = id.slice("sha256:".length);
      names.set(hex, [...(names.get(hex) ?? []), formatReference(dockerReference(name))]);
    }
  }
  return names;
}

function planOf(root: string, driver: Driver, id: string, names: readonly string[]): ImagePlan {
  const short = id.slice(0, 12);
  const path = `image/${driver}/imagedb/content/sha256/${id}`;
  const bytes = readStoreFile(root, path, maxConfigBytes);
  if (bytes === undefined)
    throw new CooperError("corrupt", `image ${short} in ${root} has no configuration`);
  if (digestOf(bytes) !== `sha256:${id}`)
    throw new CooperError("corrupt", `the configuration of image ${short} is damaged`);
  const config = decodeImageConfig(bytes, `the configuration of image ${short}`);
  const chains = chainIds(config.diffIds);
  return {
    config,
    manifests: null,
    layers: config.diffIds.map((diffId, index) =>
      layerPlan(root, driver, diffId, hexOf(chains[index] ?? diffId)),
    ),
    names: names.filter((name) => !name.includes("@")),
    repoDigests: names.filter((name) => name.includes("@")),
  };
}

/** image-spec, config.md, "Layer ChainID": an applied stack of layers, by which layerdb names them. */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chains: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chains;
}

function layerPlan(root: string, driver: Driver, diffId: Digest, chain: string): LayerPlan {
  const directory = `image/${driver}/layerdb/sha256/${chain}`;
  return {
    diffId,
    blob: null,
    open() {
      const name = `layer ${hexOf(diffId).slice(0, 12)} in ${root}`;
      const cacheId = readStoreFile(root, `${directory}/cache-id`, 1024)?.toString("utf8").trim();
      if (!isPlainName(cacheId)) throw new CooperError("corrupt", `${name} is missing`);
      const files = driver === "overlay2" ? `overlay2/${cacheId}/diff` : `vfs/dir/${cacheId}`;
      const split = `${directory}/tar-split.json.gz`;
      return { kind: "stream", chunks: rebuildFromSplit({ root, files, split, name }) };
    },
  };
}
