/** `buildx du` and `builder prune`: what builds keep, and letting go of it. */
import type { CacheEntry } from "../../image/build-cache.ts";
import { byteSize, flagSwitch, listOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { isConfirmed } from "../confirm.ts";
import { humanAge, humanSize } from "../human.ts";
import { print } from "../output.ts";
import { formatRows } from "../table.ts";

const filter = {
  flag: "--filter",
  type: listOf({ ...string, placeholder: "KEY=VALUE" }),
  help: "Only what matches: description, id, inuse, private, shared, type, unused-for, until",
} as const;
const format = {
  flag: "--format",
  type: { ...string, placeholder: "TEMPLATE" },
  help: "json, table or a Go template",
} as const;
const verbose = {
  flag: "--verbose",
  type: flagSwitch,
  help: "Whole ids and descriptions",
} as const;
const builder = {
  flag: "--builder",
  type: string,
  help: "Builder to ask",
  refuse: "there is one builder, which is cooper itself",
} as const;
const timeout = {
  flag: "--timeout",
  type: string,
  help: "How long to wait for the builder",
  ignored: "there is no builder to wait for",
} as const;

export const du = defineCommand({
  summary: "Show what builds keep for later ones",
  usage: "",
  description:
    "Layers of steps, and directories of RUN --mount=type=cache. What images or containers have too (SHARED) takes nothing of its own.",
  examples: ["cooper buildx du", "cooper buildx du --filter type=exec.cachemount"],
  options: { builder, filter, format, timeout, verbose },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const entries = await engine.builds.cache(options.filter);
    print(table(entries, options.format, options.verbose ?? false));
    if (options.format !== undefined) return;
    const bytes = (chosen: readonly CacheEntry[]) =>
      humanSize(chosen.reduce((sum, entry) => sum + entry.bytes, 0));
    const shared = entries.filter(({ isShared }) => isShared);
    const own = entries.filter(({ isShared }) => !isShared);
    print(`Shared:\t\t${bytes(shared)}\nPrivate:\t${bytes(own)}\nReclaimable:\t${bytes(own)}\n`);
  },
});

function table(entries: readonly CacheEntry[], template: string | undefined, isWhole: boolean) {
  const now = Date.now();
  const cut = (text: string, length: number) =>
    isWhole || text.length <= length ? text : `${text.slice(0, length - 1)}…`;
  return formatRows({
    rows: entries.map((entry) => ({
      ID: cut(entry.id, 13).replace("…", ""),
      Type: entry.kind === "step" ? "regular" : "exec.cachemount",
      Description: cut(entry.title, 50),
      Reclaimable: !entry.isInUse && !entry.isShared,
      Shared: entry.isShared,
      InUse: entry.isInUse,
      Size: humanSize(entry.bytes),
      Bytes: entry.bytes,
      CreatedSince: humanAge(entry.createdAt, now),
      CreatedAt: new Date(entry.createdAt).toISOString(),
      LastUsedSince: humanAge(entry.usedAt, now),
      LastUsedAt: new Date(entry.usedAt).toISOString(),
    })),
    columns: [
      { header: "ID", template: "{{.ID}}" },
      { header: "RECLAIMABLE", template: "{{.Reclaimable}}" },
      { header: "SIZE", template: "{{.Size}}" },
      { header: "LAST ACCESSED", template: "{{.LastUsedSince}}" },
      { header: "DESCRIPTION", template: "{{.Description}}" },
    ],
    format: template,
  });
}

const limit = (flag: `--${string}`, help: string) => ({ flag, type: byteSize, help }) as const;

export const prune = defineCommand({
  summary: "Remove what builds keep for later ones",
  usage: "",
  description:
    "What was not used for longest goes first; what a build works with now stays. Images stay as they are.",
  examples: [
    "cooper builder prune -f",
    "cooper builder prune -f --keep-storage 5g",
    "cooper builder prune -f --filter unused-for=48h",
  ],
  options: {
    all: {
      flag: "--all",
      short: "-a",
      type: flagSwitch,
      help: "Also steps whose files images have: they are done anew then",
    },
    buildCache: {
      flag: "--build-cache",
      type: flagSwitch,
      help: "Directories of RUN --mount=type=cache too",
      ignored: "they always go with the rest",
    },
    builder,
    external: {
      flag: "--external",
      type: flagSwitch,
      help: "Containers of other tools too",
      refuse: "other tools have stores of their own",
    },
    filter,
    force: { flag: "--force", short: "-f", type: flagSwitch, help: "Do not ask" },
    keepStorage: limit("--keep-storage", "Keep so much of what was used last"),
    reservedSpace: limit("--reserved-space", "The same"),
    maxUsedSpace: limit("--max-used-space", "Remove only until there is no more than this"),
    minFreeSpace: limit("--min-free-space", "Remove only until so much is free on the disk"),
    timeout,
    verbose,
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const what = options.all
      ? "This removes all that builds keep."
      : "This removes what builds keep and no image has.";
    if (!options.force && !(await isConfirmed(what))) return;
    const { entries, reclaimedBytes } = await engine.builds.pruneCache({
      all: options.all ?? false,
      filters: options.filter,
      reservedBytes: options.reservedSpace ?? options.keepStorage ?? null,
      maxUsedBytes: options.maxUsedSpace ?? null,
      minFreeBytes: options.minFreeSpace ?? null,
    });
    if (entries.length > 0) print(table(entries, undefined, options.verbose ?? false));
    print(`Total:\t${humanSize(reclaimedBytes)}\n`);
  },
});
