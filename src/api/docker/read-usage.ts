/** What takes how much space, out of what Docker's `/system/df` says. Pure. */
import type { CacheEntry } from "../../image/build-cache.ts";
import type { ShownUsage, StoreUsage, UsageOf } from "../../store/usage.ts";
import { readContainer } from "./read-container.ts";
import { readImage } from "./read-image.ts";
import {
  flag,
  type Json,
  moment,
  name,
  number,
  object,
  objects,
  ownPart,
  text,
} from "./reading.ts";

type Sums = Omit<UsageOf<unknown>, "items">;

const sumsOf = ({ active, bytes, reclaimableBytes }: Sums): Sums => ({
  active,
  bytes,
  reclaimableBytes,
});

/** What the API's own fields do not tell: sent to clients that are Coopers themselves. */
export function ownUsage(usage: StoreUsage): Json {
  const { images, containers, volumes, buildCache, engine, totalBytes } = usage;
  return {
    images: sumsOf(images),
    containers: sumsOf(containers),
    volumes: sumsOf(volumes),
    buildCache: sumsOf(buildCache),
    engine,
    totalBytes,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

/** @param fullName of an image's name as the engine writes it */
export function readUsage(document: Json, fullName: (name: string) => string): ShownUsage {
  const own = ownPart(document);
  const images = objects(document.Images).map((item) => ({
    summary: readImage(item, fullName),
    bytes: number(item.Size),
    sharedBytes: Math.max(0, number(item.SharedSize)),
  }));
  const containers = objects(document.Containers).map((item) => ({
    summary: readContainer(item, fullName),
    bytes: number(item.SizeRw),
  }));
  const volumes = objects(document.Volumes).map((item) => ({
    name: name(item.Name),
    links: Math.max(0, number(object(item.UsageData).RefCount)),
    bytes: Math.max(0, number(object(item.UsageData).Size)),
  }));
  const cache = objects(document.BuildCache).map(readCacheEntry);
  const isRunning = ({ state }: { state: string }) => state === "running" || state === "paused";
  const part = <T extends { bytes: number }>(
    name: string,
    items: readonly T[],
    isActive: (item: T) => boolean,
    total = sum(items.map(({ bytes }) => bytes)),
  ): UsageOf<T> => {
    const idle = items.filter((item) => !isActive(item));
    const known = own === undefined ? undefined : object(own[name]);
    if (known !== undefined)
      return {
        items,
        active: number(known.active),
        bytes: number(known.bytes),
        reclaimableBytes: number(known.reclaimableBytes),
      };
    return {
      items,
      active: items.length - idle.length,
      bytes: total,
      reclaimableBytes: Math.min(total, sum(idle.map(({ bytes }) => bytes))),
    };
  };
  const engine = object(own?.engine);
  const layers = number(document.LayersSize);
  return {
    images: part("images", images, ({ summary }) => summary.containers > 0, layers),
    containers: part("containers", containers, ({ summary }) => isRunning(summary)),
    volumes: part("volumes", volumes, ({ links }) => links > 0),
    buildCache: part("buildCache", cache, ({ isInUse, isShared }) => isInUse || isShared),
    engine: {
      items: objects(engine.items).map((item) => ({
        name: text(item.name),
        bytes: number(item.bytes),
        isRubbish: flag(item.isRubbish),
      })),
      active: number(engine.active),
      bytes: number(engine.bytes),
      reclaimableBytes: number(engine.reclaimableBytes),
    },
    totalBytes: number(own?.totalBytes),
  };
}

/** A record of the build cache. */
export function readCacheEntry(item: Json): CacheEntry {
  return {
    kind: text(item.Type) === "exec.cachemount" ? "mount" : "step",
    id: text(item.ID),
    title: text(item.Description),
    bytes: number(item.Size),
    createdAt: moment(item.CreatedAt),
    usedAt: moment(item.LastUsedAt) || moment(item.CreatedAt),
    isShared: flag(item.Shared),
    isInUse: flag(item.InUse),
  };
}
