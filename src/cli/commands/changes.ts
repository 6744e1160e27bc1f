/** `diff`, `commit`, `export`: what became of a container's files. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Engine } from "../../engine.ts";
import { CooperError, messageOf } from "../../errors.ts";
import type { Change } from "../../layer/changes.ts";
import { decodeProcessConfig } from "../../oci/decode-image-config.ts";
import type { ProcessConfig } from "../../oci/image-config.ts";
import { flagSwitch, listOf, oneOf, path, string } from "../../option.ts";
import { isTerminal } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { print, printBytes } from "../output.ts";
import { printable } from "../printable.ts";
import { latest, selectContainers } from "../select.ts";

const diffFormat = {
  flag: "--format",
  type: oneOf("json"),
  help: "As a document instead of a list",
} as const;

const diffDescription =
  "A was added, C changed, D deleted; by size, time, owner and mode of files.";

export const diff = defineCommand({
  summary: "Show what a container or an image's last layer changed",
  usage: "CONTAINER|IMAGE [IMAGE]",
  description: `${diffDescription} With two images: how to get from the second to the first.`,
  options: { format: diffFormat, latest },
  args: { min: 0, max: 2 },
  completes: "container",
  async run({ engine, args, options }) {
    const [name] = args.length === 2 ? args : await selectContainers(engine, args, options);
    const other = args[1] ?? null;
    const isContainer = other === null && (await engine.containers.exists(name ?? ""));
    showChanges(
      isContainer
        ? await engine.containers.changes(name ?? "")
        : await engine.images.changes(name ?? "", other),
      options.format,
    );
  },
});

export const containerDiff = defineCommand({
  summary: "Show what a container changed in its image's files",
  usage: "CONTAINER",
  description: diffDescription,
  options: { format: diffFormat, latest },
  args: { min: 0, max: 1 },
  completes: "container",
  async run({ engine, args, options }) {
    const [name = ""] = await selectContainers(engine, args, options);
    showChanges(await engine.containers.changes(name), options.format);
  },
});

export const imageDiff = defineCommand({
  summary: "Show what the last layer of an image changes",
  usage: "IMAGE [IMAGE]",
  description: `${diffDescription} With two images: how to get from the second to the first.`,
  options: { format: diffFormat },
  args: { min: 1, max: 2 },
  completes: "image",
  async run({ engine, args, options }) {
    showChanges(await engine.images.changes(args[0] ?? "", args[1] ?? null), options.format);
  },
});

/** The list, or the document. */
export function showChanges(changes: readonly Change[], format: "json" | undefined): void {
  const text = ({ path: name }: Change) => Buffer.from(name, "latin1").toString("utf8");
  if (format === undefined) {
    // names of files are a stranger's: they must not command the terminal, nor make up lines
    print(changes.map((change) => `${change.kind} ${printable(text(change))}\n`).join(""));
    return;
  }
  const paths = (kind: Change["kind"]) =>
    changes.filter((change) => change.kind === kind).map(text);
  const lists = { changed: paths("C"), added: paths("A"), deleted: paths("D") };
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
  print(`${JSON.stringify(Object.fromEntries(filled), null, 4)}\n`);
}

export const exportContainer = defineCommand({
  summary: "Write a container's files to a tar",
  usage: "CONTAINER",
  description: "What is in volumes is not part of it.",
  examples: ["cooper export -o rootfs.tar web", "cooper export web | tar -t"],
  options: {
    output: {
      flag: "--output",
      short: "-o",
      type: path,
      help: "A file; without it, standard output",
    },
  },
  args: { min: 1, max: 1 },
  completes: "container",
  async run({ engine, args, options }) {
    if (options.output === undefined && isTerminal(1)) {
      throw new CooperError("invalid-argument", "a tar is not written to a terminal", {
        hint: "name a file with --output FILE, or send it through a pipe",
      });
    }
    await engine.containers.export(args[0] ?? "", options.output ?? printBytes);
  },
});

export const commit = defineCommand({
  summary: "Make an image of a container",
  usage: "CONTAINER [NAME]",
  examples: [
    "cooper commit web example.com/web:2",
    `cooper commit --change 'CMD ["nginx"]' --author me --message 'with nginx' web`,
  ],
  options: {
    author: { flag: "--author", short: "-a", type: string, help: "Author of the image" },
    change: {
      flag: "--change",
      short: "-c",
      type: listOf({ ...string, placeholder: "INSTRUCTION" }),
      help: "Instruction as in a Dockerfile: CMD, ENV, USER…",
    },
    config: {
      flag: "--config",
      type: path,
      help: "A JSON file with fields for the image's configuration",
    },
    format: {
      flag: "--format",
      short: "-f",
      type: oneOf("oci", "docker"),
      help: "Kind of manifest",
      defaultText: "oci, or as containers.conf says",
    },
    iidfile: { flag: "--iidfile", type: path, help: "Write the image's id to a file" },
    includeVolumes: {
      flag: "--include-volumes",
      type: flagSwitch,
      help: "Places of named volumes and binds become volumes of the image",
    },
    message: { flag: "--message", short: "-m", type: string, help: "Text for the history" },
    pause: {
      flag: "--pause",
      short: "-p",
      type: flagSwitch,
      help: "Hold the container's processes still meanwhile",
      defaultText: "true, where it is possible",
    },
    noPause: { flag: "--no-pause", type: flagSwitch, help: "Let them go on" },
    quiet: {
      flag: "--quiet",
      short: "-q",
      type: flagSwitch,
      help: "No progress",
      ignored: "there is none to hide",
    },
    squash: {
      flag: "--squash",
      short: "-s",
      type: flagSwitch,
      help: "One layer with all files, instead of one more",
    },
  },
  args: { min: 1, max: 2 },
  completes: "container",
  async run({ engine, elsewhere, args, options }) {
    const [container = "", name = null] = args;
    const image = await engine.containers.commit(container, {
      name,
      author: options.author ?? "",
      message: options.message ?? "",
      changes: options.change,
      config: options.config === undefined ? {} : readConfig(options.config),
      pauses: options.noPause ? false : (options.pause ?? null),
      squashes: options.squash ?? false,
      family: options.format ?? defaultFamily(engine, elsewhere),
      includesVolumes: options.includeVolumes ?? false,
    });
    if (options.iidfile !== undefined) writeFileSync(options.iidfile, image.id);
    print(`sha256:${image.id}\n`);
  },
});

/** As configured; of an engine elsewhere it is Docker's. */
export const defaultFamily = (engine: Engine, elsewhere: Engine | null): "oci" | "docker" =>
  elsewhere === null ? engine.host.settings.imageDefaultFormat : "docker";

function readConfig(file: string): ProcessConfig {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new CooperError("invalid-argument", `cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
  return decodeProcessConfig(bytes, file);
}
