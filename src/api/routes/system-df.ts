/** Handler that tells what takes the space. */
import type { LocalEngine } from "../../engine.ts";
import { CooperError } from "../../errors.ts";
import type { StoreUsage, UsageOf } from "../../store/usage.ts";
import { listItem } from "../docker/container.ts";
import { imageItem } from "../docker/image.ts";
import { ownContainer } from "../docker/read-container.ts";
import { ownImage } from "../docker/read-image.ts";
import { ownUsage } from "../docker/read-usage.ts";
import { json } from "../http/reply.ts";
import { own } from "../ours.ts";
import { isTrue } from "../query.ts";
import type { Call, Handler } from "../route.ts";
import { cacheItem } from "./build-cache.ts";

const types = ["image", "container", "volume", "build-cache"];

/** 1.52 tells sums, and items with `verbose`; without it also what older versions know, and since 1.53 no more. */
export const diskUsage: Handler = async (call) => {
  const { engine, request, version } = call;
  const { query } = request;
  const asked = version < 42 ? [] : query.getAll("type");
  const unknown = asked.find((type) => !types.includes(type));
  if (unknown !== undefined)
    throw new CooperError("invalid-argument", `unknown object type: ${unknown}`);
  const wants = (type: string) => asked.length === 0 || asked.includes(type);
  const usage = await engine.system.usage();
  const items = {
    image: imageItems(call, usage),
    container: containerItems(call, usage),
    volume: wants("volume") ? await volumeItems(engine, usage) : [],
    "build-cache": usage.buildCache.items.map(cacheItem),
  };
  const isVerbose = version >= 52 && isTrue(query, "verbose");
  const sums = (type: keyof typeof items, name: string, of: UsageOf<unknown>) =>
    wants(type) && {
      [name]: {
        ActiveCount: of.active,
        TotalCount: of.items.length,
        TotalSize: of.bytes,
        Reclaimable: of.reclaimableBytes,
        ...(isVerbose && { Items: items[type] }),
      },
    };
  return json({
    ...((version < 52 || (version === 52 && !query.has("verbose"))) && {
      LayersSize: usage.images.bytes,
      Images: wants("image") ? items.image : null,
      Containers: wants("container") ? items.container : null,
      Volumes: wants("volume") ? items.volume : null,
      BuildCache: wants("build-cache") ? items["build-cache"] : null,
    }),
    ...(version < 42 && { BuilderSize: usage.buildCache.bytes }),
    ...(version >= 52 && {
      ...sums("image", "ImageUsage", usage.images),
      ...sums("container", "ContainerUsage", usage.containers),
      ...sums("volume", "VolumeUsage", usage.volumes),
      ...sums("build-cache", "BuildCacheUsage", usage.buildCache),
    }),
    ...own(request, () => ownUsage(usage)),
  });
};

const imageItems = ({ request, version }: Call, { images }: StoreUsage) =>
  images.items.map(({ summary, bytes, sharedBytes }) => ({
    ...imageItem(summary, version, sharedBytes),
    Containers: summary.containers,
    Size: bytes,
    ...own(request, () => ownImage(summary)),
  }));

const containerItems = ({ engine, request, version }: Call, { containers }: StoreUsage) =>
  containers.items.map(({ summary, bytes }) => ({
    ...listItem(summary, engine.volumes.path, { writable: bytes, total: bytes }, version),
    ...own(request, () => ownContainer(summary)),
  }));

const volumeItems = (engine: LocalEngine, { volumes }: StoreUsage) =>
  Promise.all(
    volumes.items.map(async ({ name, links, bytes }) => {
      const { Name, Driver, Mountpoint, CreatedAt, Labels, Scope, Options } =
        await engine.volumes.inspect(name);
      return {
        Name,
        Driver,
        Mountpoint,
        CreatedAt,
        Labels,
        Scope,
        Options,
        UsageData: { RefCount: links, Size: bytes },
      };
    }),
  );
