/** Commands that show images. */

import { CooperError } from "../../errors.ts";
import type { ListedImage } from "../../image/list.ts";
import { flagSwitch, listOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { humanAge, imageSize } from "../human.ts";
import { print } from "../output.ts";
import { type Column, formatRows } from "../table.ts";

const format = {
  flag: "--format",
  type: { ...string, placeholder: "TEMPLATE" },
  help: "json, table or a Go template",
} as const;
const noTrunc = { flag: "--no-trunc", type: flagSwitch, help: "Whole ids and texts" } as const;
const quiet = { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only ids" } as const;
const platform = {
  flag: "--platform",
  type: string,
  help: "Of an image for several platforms",
  refuse: "images are kept for one platform each",
} as const;

export const exists = defineCommand({
  summary: "Tell by the exit status whether an image exists",
  usage: "IMAGE",
  options: {},
  args: { min: 1, max: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args }) {
    return (await engine.images.exists(args[0] ?? "")) ? 0 : 1;
  },
});

const sortKeys = ["created", "id", "repository", "size", "tag"] as const;

export const ls = defineCommand({
  summary: "List images",
  usage: "[NAME]",
  examples: [
    "cooper images",
    "cooper images --filter dangling=true -q",
    "cooper images --format '{{.Repository}}:{{.Tag}}'",
  ],
  options: {
    all: {
      flag: "--all",
      short: "-a",
      type: flagSwitch,
      help: "Also images that only others are built on",
    },
    digests: { flag: "--digests", type: flagSwitch, help: "Show digests" },
    filter: {
      flag: "--filter",
      short: "-f",
      type: listOf({ ...string, placeholder: "KEY=VALUE" }),
      help: "Only those that match",
    },
    format,
    history: {
      flag: "--history",
      type: flagSwitch,
      help: "Show former names",
      refuse: "former names are not kept",
    },
    noTrunc,
    noHeading: {
      flag: "--noheading",
      short: "-n",
      type: flagSwitch,
      help: "Without the line of headings",
    },
    quiet,
    sort: {
      flag: "--sort",
      type: { ...string, placeholder: "KEY", choices: sortKeys },
      help: "Order by created, id, repository, size or tag",
      defaultText: "created",
    },
    tree: {
      flag: "--tree",
      type: flagSwitch,
      help: "Show platforms as a tree",
      refuse: "images are kept for one platform each",
    },
  },
  args: { min: 0, max: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args, options }) {
    const filters = [...options.filter, ...(args[0] === undefined ? [] : [`reference=${args[0]}`])];
    const summaries = await engine.images.list({ all: options.all ?? false, filters });
    const rows = sorted(
      summaries.flatMap((summary) =>
        summary.rows.map((name) => imageRow(summary, name, options.noTrunc ?? false)),
      ),
      options.sort ?? "created",
    );
    if (options.quiet && options.format === undefined) {
      print(
        [...new Set(rows.map((row) => (options.noTrunc ? `sha256:${row.Id}` : row.ID)))]
          .map((id) => `${id}\n`)
          .join(""),
      );
      return;
    }
    const digest: readonly Column[] = options.digests
      ? [{ header: "DIGEST", template: "{{.Digest}}" }]
      : [];
    print(
      formatRows({
        rows,
        columns: [
          { header: "REPOSITORY", template: "{{.Repository}}" },
          { header: "TAG", template: "{{.Tag}}" },
          ...digest,
          { header: "IMAGE ID", template: "{{.ID}}" },
          { header: "CREATED", template: "{{.CreatedSince}}" },
          { header: "SIZE", template: "{{.Size}}" },
        ],
        format: options.format,
        noHeading: options.noHeading,
        json: () => summaries.map(toJson),
      }),
    );
  },
});

type ImageRow = ReturnType<typeof imageRow>;

function imageRow(summary: ListedImage, name: ListedImage["rows"][number], isWhole: boolean) {
  const { image } = summary;
  const created = image.createdAt === 0 ? image.addedAt : image.createdAt;
  return {
    Repository: name.repository,
    Tag: name.tag,
    ID: isWhole ? `sha256:${image.id}` : image.id.slice(0, 12),
    Id: image.id,
    Digest: image.manifestDigest ?? "<none>",
    CreatedSince: humanAge(created, Date.now()),
    CreatedAt: new Date(created)
      .toISOString()
      .replace("T", " ")
      .replace(/\.\d+Z$/, " +0000 UTC"),
    Created: humanAge(created, Date.now()),
    CreatedTime: created,
    Size: imageSize(image.size),
    VirtualSize: imageSize(image.size),
    SizeBytes: image.size,
    Containers: `${summary.containers}`,
    Dangling: summary.isDangling,
    Labels: image.config.config?.Labels ?? {},
    Names: image.names,
    History: image.names.join(", "),
    ReadOnly: false,
    SharedSize: "N/A",
    UniqueSize: "N/A",
  };
}

function sorted(rows: ImageRow[], key: string): ImageRow[] {
  if (key === "created") return rows;
  const by: Record<string, (row: ImageRow) => string | number> = {
    id: (row) => row.Id,
    repository: (row) => row.Repository,
    tag: (row) => row.Tag,
    size: (row) => row.SizeBytes,
  };
  const value = by[key];
  if (value === undefined)
    throw new CooperError("invalid-argument", `cannot sort by "${key}"`, {
      hint: sortKeys.join(", "),
    });
  return rows.toSorted((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
}

/** As `podman images --format json`. */
function toJson({ image, containers, isDangling }: ListedImage): Record<string, unknown> {
  return {
    Id: image.id,
    ParentId: image.parentId ?? "",
    RepoTags: image.names,
    RepoDigests: image.repoDigests,
    Size: image.size,
    SharedSize: 0,
    VirtualSize: image.size,
    Labels: image.config.config?.Labels ?? null,
    Containers: containers,
    Names: image.names,
    Digest: image.manifestDigest ?? "",
    Digests: image.manifestDigest === null ? [] : [image.manifestDigest],
    Dangling: isDangling,
    Created: Math.floor(image.createdAt / 1000),
    CreatedAt: new Date(image.createdAt).toISOString(),
  };
}

export const history = defineCommand({
  summary: "Show how an image was made",
  usage: "IMAGE",
  options: {
    format,
    human: {
      flag: "--human",
      short: "-H",
      type: flagSwitch,
      help: "Sizes and ages for people",
      defaultText: "true",
    },
    noTrunc,
    platform,
    quiet,
  },
  args: { min: 1, max: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args, options }) {
    const isHuman = options.human ?? true;
    const steps = await engine.images.history(args[0] ?? "");
    const cut = (text: string, length: number) =>
      options.noTrunc || text.length <= length ? text : `${text.slice(0, length - 1)}…`;
    const rows = steps.map((step) => ({
      ID: step.id === null ? "<missing>" : options.noTrunc ? step.id : step.id.slice(0, 12),
      Created: isHuman
        ? humanAge(step.createdAt, Date.now())
        : new Date(step.createdAt).toISOString(),
      CreatedSince: humanAge(step.createdAt, Date.now()),
      CreatedAt: new Date(step.createdAt).toISOString(),
      CreatedBy: cut(step.createdBy, 45),
      Size: isHuman ? imageSize(step.size) : `${step.size}`,
      Comment: step.comment,
      Tags: step.tags,
    }));
    if (options.quiet) {
      print(rows.map((row) => `${row.ID}\n`).join(""));
      return;
    }
    print(
      formatRows({
        rows,
        columns: [
          { header: "ID", template: "{{.ID}}" },
          { header: "CREATED", template: "{{.Created}}" },
          { header: "CREATED BY", template: "{{.CreatedBy}}" },
          { header: "SIZE", template: "{{.Size}}" },
          { header: "COMMENT", template: "{{.Comment}}" },
        ],
        format: options.format,
        json: () =>
          steps.map((step) => ({
            id: step.id ?? "<missing>",
            created: new Date(step.createdAt).toISOString(),
            CreatedBy: step.createdBy,
            size: step.size,
            comment: step.comment,
            tags: step.tags,
          })),
      }),
    );
  },
});

export const tree = defineCommand({
  summary: "Show the layers of an image",
  usage: "IMAGE",
  options: {
    whatRequires: {
      flag: "--whatrequires",
      type: flagSwitch,
      help: "Show the images that are built on it",
    },
  },
  args: { min: 1, max: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args, options }) {
    const text = await engine.images.treeText(args[0] ?? "", {
      whatRequires: options.whatRequires ?? false,
    });
    print(text);
  },
});
