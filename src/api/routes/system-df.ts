/** Handler that tells what takes the space. */
import { listItem } from "../docker/container.ts";
import { imageItem } from "../docker/image.ts";
import { json } from "../http/reply.ts";
import type { Handler } from "../route.ts";
import { cacheItem } from "./build-cache.ts";

export const diskUsage: Handler = async ({ engine, request, version }) => {
  const types = request.query.getAll("type");
  const wants = (type: string) => types.length === 0 || types.includes(type);
  const usage = await engine.system.usage();
  const { images, containers, volumes, buildCache } = usage;
  const Images = images.items.map(({ summary, bytes, sharedBytes }) => ({
    ...imageItem(summary, version),
    Containers: summary.containers,
    Size: bytes,
    SharedSize: sharedBytes,
  }));
  const Containers = containers.items.map(({ summary, bytes }) =>
    listItem(summary, engine.volumes.path, { writable: bytes, total: bytes }),
  );
  const Volumes = await Promise.all(
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
  return json({
    LayersSize: images.bytes,
    Images: wants("image") ? Images : null,
    Containers: wants("container") ? Containers : null,
    Volumes: wants("volume") ? Volumes : null,
    BuildCache: wants("build-cache") ? buildCache.items.map(cacheItem) : null,
    ...(version < 42 && { BuilderSize: buildCache.bytes }),
  });
};
