/** `system df`: where the space went. */

import type { CacheEntry } from "../../image/build-cache.ts";
import { flagSwitch, string } from "../../option.ts";
import type { EngineUsage, ShownUsage, VolumeUsage } from "../../store/usage.ts";
import { defineCommand } from "../command.ts";
import { humanAge, humanSize } from "../human.ts";
import { print } from "../output.ts";
import { type Column, formatRows } from "../table.ts";

export const df = defineCommand({
  summary: "Show what takes how much space",
  usage: "",
  description:
    "Bytes on the disk, as du counts them. `Engine` is what belongs to no image, container or volume: records, " +
    "locks, and what killed commands left, which the next one removes.",
  examples: ["cooper system df", "cooper system df --format '{{.Type}} {{.Size}}'"],
  options: {
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    verbose: {
      flag: "--verbose",
      short: "-v",
      type: flagSwitch,
      help: "Every image, container and volume",
    },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const usage = await engine.system.usage();
    if (options.verbose && (options.format ?? "") === "") return print(details(usage));
    const rows = options.verbose ? undefined : kindRows(usage);
    if (rows === undefined) {
      const document = verboseDocument(usage);
      return print(
        formatRows({ rows: [document], columns: [], format: options.format, json: () => document }),
      );
    }
    print(
      formatRows({
        rows,
        columns: [
          { header: "TYPE", template: "{{.Type}}" },
          { header: "TOTAL", template: "{{.Total}}" },
          { header: "ACTIVE", template: "{{.Active}}" },
          { header: "SIZE", template: "{{.Size}}" },
          { header: "RECLAIMABLE", template: "{{.Reclaimable}}" },
        ],
        format: options.format,
      }),
    );
  },
});

/** Lines with the fields of both peers. */
function kindRows({ images, containers, volumes, buildCache, engine }: ShownUsage) {
  const row = (
    Type: string,
    part: { items: readonly unknown[]; active: number; bytes: number; reclaimableBytes: number },
  ) => ({
    Type,
    Total: part.items.length,
    TotalCount: `${part.items.length}`,
    Active: part.active,
    Size: humanSize(part.bytes),
    Reclaimable: reclaimable(part.reclaimableBytes, part.bytes),
    RawSize: part.bytes,
    RawReclaimable: part.reclaimableBytes,
  });
  return [
    row("Images", images),
    row("Containers", containers),
    row("Local Volumes", volumes),
    row("Build Cache", buildCache),
    row("Engine", engine),
  ];
}

function reclaimable(bytes: number, of: number): string {
  const share = of === 0 ? "" : ` (${Math.floor((100 * bytes) / of)}%)`;
  return `${humanSize(bytes)}${share}`;
}

function imageRows(items: ShownUsage["images"]["items"]) {
  return items.flatMap(({ summary, bytes, sharedBytes }) =>
    summary.rows.map(({ repository, tag }) => ({
      Repository: repository,
      Tag: tag,
      ID: summary.image.id.slice(0, 12),
      CreatedSince: humanAge(summary.image.createdAt || summary.image.addedAt, Date.now()),
      Size: humanSize(bytes),
      SharedSize: humanSize(sharedBytes),
      UniqueSize: humanSize(bytes - sharedBytes),
      Containers: summary.containers,
      RawSize: bytes,
      RawSharedSize: sharedBytes,
      RawUniqueSize: bytes - sharedBytes,
    })),
  );
}

function containerRows(items: ShownUsage["containers"]["items"]) {
  return items.map(({ summary, bytes }) => ({
    ID: summary.id.slice(0, 12),
    Image: summary.image,
    Command: summary.command.join(" ").slice(0, 30),
    LocalVolumes: summary.volumeCount,
    Size: humanSize(bytes),
    RunningFor: humanAge(summary.createdAt, Date.now()),
    Status: summary.status,
    Names: summary.name,
    RawSize: bytes,
  }));
}

const volumeRows = (items: readonly VolumeUsage[]) =>
  items.map(({ name, links, bytes }) => ({
    Name: name,
    Links: links,
    Size: humanSize(bytes),
    RawSize: bytes,
  }));

const cacheRows = (items: readonly CacheEntry[]) =>
  items.map((entry) => ({
    ID: entry.id.slice(0, 12),
    CacheType: entry.kind === "step" ? "regular" : "exec.cachemount",
    Description: entry.title,
    Size: humanSize(entry.bytes),
    CreatedSince: humanAge(entry.createdAt, Date.now()),
    LastUsedSince: humanAge(entry.usedAt, Date.now()),
    Shared: entry.isShared,
    InUse: entry.isInUse,
    RawSize: entry.bytes,
  }));

const engineRows = (items: readonly EngineUsage[]) =>
  items.map(({ name, bytes, isRubbish }) => ({
    Name: name,
    Size: humanSize(bytes),
    Reclaimable: isRubbish,
    RawSize: bytes,
  }));

function verboseDocument(usage: ShownUsage) {
  return {
    Images: imageRows(usage.images.items),
    Containers: containerRows(usage.containers.items),
    Volumes: volumeRows(usage.volumes.items),
    BuildCache: cacheRows(usage.buildCache.items),
    Engine: engineRows(usage.engine.items),
  };
}

function details(usage: ShownUsage): string {
  const document = verboseDocument(usage);
  const columns = (...pairs: [header: string, field: string][]): Column[] =>
    pairs.map(([header, field]) => ({ header, template: `{{.${field}}}` }));
  const part = (title: string, rows: readonly object[], shown: Column[]) =>
    `${title} space usage:\n\n${formatRows({ rows, columns: shown })}`;
  return [
    part(
      "Images",
      document.Images,
      columns(
        ["REPOSITORY", "Repository"],
        ["TAG", "Tag"],
        ["IMAGE ID", "ID"],
        ["CREATED", "CreatedSince"],
        ["SIZE", "Size"],
        ["SHARED SIZE", "SharedSize"],
        ["UNIQUE SIZE", "UniqueSize"],
        ["CONTAINERS", "Containers"],
      ),
    ),
    part(
      "Containers",
      document.Containers,
      columns(
        ["CONTAINER ID", "ID"],
        ["IMAGE", "Image"],
        ["COMMAND", "Command"],
        ["LOCAL VOLUMES", "LocalVolumes"],
        ["SIZE", "Size"],
        ["CREATED", "RunningFor"],
        ["STATUS", "Status"],
        ["NAMES", "Names"],
      ),
    ),
    part(
      "Local Volumes",
      document.Volumes,
      columns(["VOLUME NAME", "Name"], ["LINKS", "Links"], ["SIZE", "Size"]),
    ),
    `Build cache usage: ${humanSize(usage.buildCache.bytes)}\n`,
    ...(document.BuildCache.length === 0
      ? []
      : [
          formatRows({
            rows: document.BuildCache,
            columns: columns(
              ["CACHE ID", "ID"],
              ["CACHE TYPE", "CacheType"],
              ["SIZE", "Size"],
              ["CREATED", "CreatedSince"],
              ["LAST USED", "LastUsedSince"],
              ["SHARED", "Shared"],
            ),
          }),
        ]),
    part("Engine", document.Engine, columns(["NAME", "Name"], ["SIZE", "Size"])),
  ].join("\n");
}
