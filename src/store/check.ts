/** `system check`: whether the store is what its records say, and mending what is not. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../container/live-state.ts";
import { removeContainer } from "../container/remove.ts";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { refetchLayer } from "../image/refetch.ts";
import { refetchConfig, refetchManifest } from "../image/refetch-records.ts";
import { removeImage } from "../image/remove.ts";
import { sweep } from "../image/sweep.ts";
import { verifyLayer } from "../layer/verify.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { digestOf } from "../oci/digest.ts";
import { listEveryContainer } from "../records/containers.ts";
import { allFrozenIds, frozenChain } from "../records/frozen.ts";
import {
  containersOf,
  type Image,
  imagesByPrefix,
  listImages,
  manifestsOf,
} from "../records/images.ts";
import { allLayerIds, getLayer } from "../records/layers.ts";
import { snapshotsOf } from "../records/snapshots.ts";
import { listVolumes } from "../records/volumes.ts";
import { sweepVolumes } from "../volume/removal.ts";

export interface CheckOptions {
  /** Only looks at files, and reads none. */
  readonly isQuick: boolean;
  readonly repairs: boolean;
  /** With `repairs`: images that cannot be mended go, with their containers. */
  readonly removes: boolean;
  readonly signal?: AbortSignal;
  /** Told of each finding as soon as it is known. */
  onFinding(finding: Finding): void;
}

/** Something that is not as it should be. */
export interface Finding {
  /** A sentence that names the object. */
  readonly text: string;
  /** What was done about it; null: nothing. */
  readonly mended: string | null;
  readonly hint?: string | undefined;
}

export interface CheckResult {
  readonly layers: number;
  readonly images: number;
  /** How many findings there were, and how many are mended. */
  readonly found: number;
  readonly mended: number;
}

/** Looks at everything; a store that is in use may be checked too. */
export async function checkStore(host: Host, options: CheckOptions): Promise<CheckResult> {
  const checker = new Checker(host, options);
  checker.records();
  const images = listImages(host.database);
  for (const image of images) await checker.image(image);
  const layers = [...allLayerIds(host.database)].sort();
  for (const id of layers) {
    options.signal?.throwIfAborted();
    await checker.layer(
      id,
      images.filter((image) => image.layers.includes(id)),
    );
  }
  await checker.strays();
  return { layers: layers.length, images: images.length, ...checker.counts };
}

class Checker {
  readonly counts = { found: 0, mended: 0 };
  private readonly host: Host;
  private readonly options: CheckOptions;

  constructor(host: Host, options: CheckOptions) {
    this.host = host;
    this.options = options;
  }

  /** The database by its own means. */
  records(): void {
    const pragma = this.options.isQuick ? "quick_check" : "integrity_check";
    const rows = this.host.database.query<Record<string, string>, []>(`pragma ${pragma}`).all();
    for (const row of rows) {
      const [text] = Object.values(row);
      if (text !== "ok") this.report(`the database is damaged: ${text}`);
    }
  }

  /** Configurations and manifests are text in the database, and named by their digests. */
  async image(image: Image): Promise<void> {
    const name = nameOf(image);
    if (digestOf(image.configText) === `sha256:${image.id}`) this.config(image, name);
    else {
      const isHere = await this.record(image, `the configuration of ${name} is damaged`, () =>
        refetchConfig(this.host, image, this.options.signal),
      );
      if (!isHere) return;
    }
    // as it is now: a manifest may follow from the configuration
    const [mended = image] = imagesByPrefix(this.host.database, image.id);
    await this.manifests(mended, name);
  }

  private async manifests(image: Image, name: string): Promise<void> {
    const manifests = manifestsOf(this.host.database, image.id);
    const { manifestDigest: own } = image;
    const lost = own === null || manifests.some(({ digest }) => digest === own) ? [] : [own];
    const damaged = manifests.flatMap(({ digest, text }) =>
      digestOf(text) === digest ? [] : [digest],
    );
    for (const digest of lost.concat(damaged)) {
      const how = lost.includes(digest) ? "is missing" : "is damaged";
      const text = `the manifest ${digest.slice(0, 19)} of ${name} ${how}`;
      const isHere = await this.record(image, text, () =>
        refetchManifest(this.host, image, digest, this.options.signal),
      );
      if (!isHere) return;
    }
  }

  /**
   * Tells of a damaged record, and has it again if that is wanted.
   *
   * @returns whether the image is still there
   */
  private async record(image: Image, text: string, mend: () => Promise<string>): Promise<boolean> {
    if (!this.options.repairs) {
      this.report(text, "have it mended with: cooper system check --repair");
      return true;
    }
    try {
      this.report(text, undefined, `had again from ${await mend()}`);
    } catch (error) {
      if (!(error instanceof CooperError)) throw error;
      if (this.options.removes) {
        await this.remove([image], text);
        return false;
      }
      const hint = `remove ${nameOf(image)} and load, pull or build it again`;
      this.report(`${text}; ${error.message}`, hint);
    }
    return true;
  }

  private config(image: Image, name: string): void {
    try {
      const { diffIds } = decodeImageConfig(Buffer.from(image.configText), name);
      const isSame = diffIds.join() === image.layers.map((id) => `sha256:${id}`).join();
      if (!isSame) this.report(`${name} has other layers than its configuration names`);
    } catch (error) {
      this.report(messageOf(error));
    }
  }

  async layer(id: string, images: readonly Image[]): Promise<void> {
    const record = getLayer(this.host.database, id);
    if (record === undefined) return; // removed meanwhile
    const paths = this.host.paths.layer(id);
    const problems = await verifyLayer(paths, record, !this.options.isQuick);
    if (problems.length === 0 || getLayer(this.host.database, id) === undefined) return;
    const names = images.map(nameOf).join(", ") || "containers whose image is gone";
    const [first = "", ...more] = problems;
    const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
    const text = `layer ${id.slice(0, 12)} of ${names}: ${first}${others}`;
    if (!this.options.repairs)
      return this.report(text, "have it mended with: cooper system check --repair");
    await this.mend(id, images, text);
  }

  private async mend(id: string, images: readonly Image[], text: string): Promise<void> {
    const users = listEveryContainer(this.host.database).filter(
      (container) => container.resolved.layers.includes(id) && isAlive(container),
    );
    if (users.length > 0 && !this.options.removes) {
      const names = users.map(({ name }) => name).join(" ");
      return this.report(text, `containers run on it: stop them first with: cooper stop ${names}`);
    }
    try {
      const from = await refetchLayer(this.host, id, images, this.options.signal);
      this.report(text, undefined, `fetched again from ${from}`);
    } catch (error) {
      if (!(error instanceof CooperError)) throw error;
      if (this.options.removes) return this.remove(images, text);
      this.report(`${text}; ${error.message}`, error.hint);
    }
  }

  /** The last resort, and only when it was asked for. */
  private async remove(images: readonly Image[], text: string): Promise<void> {
    for (const image of images) {
      for (const { id } of containersOf(this.host.database, image.id))
        await removeContainer(this.host, id, { force: true, volumes: false, graceSeconds: null });
      await removeImage(this.host, image.id, { force: true });
    }
    this.report(text, undefined, `${images.map(nameOf).join(", ")} removed with its containers`);
  }

  /** Files without rows: of images they are rubbish that any command sweeps; others are told. */
  async strays(): Promise<void> {
    const { paths, database } = this.host;
    const layers = allLayerIds(database);
    const lost = list(paths.layers).filter((name) => !layers.has(name));
    if (lost.length > 0) {
      await sweep(this.host);
      this.report(`${lost.length} layers were left by killed commands`, undefined, "swept");
    }
    await this.frozenTrees();
    const containers = new Set(listEveryContainer(database).map(({ id }) => id));
    for (const name of list(paths.containers).filter((one) => !containers.has(one)))
      this.report(`${join(paths.containers, name)} belongs to no container`);
    sweepVolumes(this.host);
    const volumes = new Set(listVolumes(database).map(({ name }) => name));
    for (const name of list(paths.volumes).filter((one) => !volumes.has(one)))
      this.report(
        `${join(paths.volumes, name)} belongs to no volume`,
        `take what is of use out of it, and remove it, or make it one with: cooper volume create ${name}`,
      );
  }

  private async frozenTrees(): Promise<void> {
    const { paths, database } = this.host;
    const there = new Set(list(paths.frozen));
    for (const container of listEveryContainer(database)) {
      if (container.freezingId !== null) continue; // the next command on it puts them back
      const { name } = container;
      const stands = frozenChain(database, container.frozenId);
      const lost = stands.find(({ id }) => !there.has(id));
      if (lost !== undefined)
        this.report(
          `files of container ${name} are lost: ${paths.frozenTree(lost.id)}`,
          `remove it: cooper rm ${name}`,
        );
      for (const snapshot of snapshotsOf(database, container.id)) {
        const needs = frozenChain(database, snapshot.frozenId);
        if (needs.every(({ id }) => there.has(id))) continue;
        const text = `${name}:${snapshot.name}`;
        this.report(
          `files of the snapshot ${text} are lost`,
          `remove it: cooper snapshot rm ${text}`,
        );
      }
    }
    const known = allFrozenIds(database);
    const strays = [...there].filter((id) => !known.has(id));
    if (strays.length === 0) return;
    await sweep(this.host);
    this.report(`${strays.length} frozen trees were left by killed commands`, undefined, "swept");
  }

  private report(text: string, hint?: string, mended: string | null = null): void {
    this.counts.found++;
    if (mended !== null) this.counts.mended++;
    this.options.onFinding({ text, mended, hint });
  }
}

const nameOf = (image: Image): string => image.names[0] ?? image.id.slice(0, 12);

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // nothing of the kind was ever made
    throw error;
  }
}
