/** `snapshot`, `rollback` and `fork`: the files of containers as they were. */
import { createOptions } from "../../container/options/table.ts";
import type { Engine } from "../../engine.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch, listOf, oneOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { humanAge, humanSize } from "../human.ts";
import { print } from "../output.ts";
import { formatRows } from "../table.ts";
import { showChanges } from "./changes.ts";

const volumesNote = "Volumes and what else is mounted are not part of it.";
const copyNote =
  "Of a container that does not run nothing is copied; of one that runs its changes are, and it is held still only for what changes meanwhile.";

const pausing = {
  noPause: {
    flag: "--no-pause",
    type: flagSwitch,
    help: "Let the processes of one that runs go on meanwhile",
  },
} as const;

const pausesOf = ({ noPause }: { readonly noPause: boolean | undefined }) =>
  noPause ? false : null;

export const create = defineCommand({
  summary: "Keep the files of a container as they are now",
  usage: "CONTAINER [NAME]",
  description: `Without a name it gets a number. ${volumesNote} ${copyNote}`,
  examples: [
    "cooper snapshot create web before-upgrade",
    "cooper snapshot create --message 'works with 2.4' web",
  ],
  options: {
    message: { flag: "--message", short: "-m", type: string, help: "What it is for" },
    ...pausing,
  },
  args: { min: 1, max: 2 },
  completes: "container",
  async run({ engine, args: [container = "", name = null], options }) {
    const snapshot = await engine.snapshots.create(container, {
      name,
      message: options.message ?? "",
      pauses: pausesOf(options),
    });
    print(`${snapshot.containerName}:${snapshot.name}\n`);
  },
});

export const ls = defineCommand({
  summary: "List snapshots",
  usage: "[CONTAINER]",
  description:
    "SIZE is what was changed since the snapshot or fork before it; one that stands on the same files takes no more.",
  examples: ["cooper snapshot ls web", "cooper snapshot ls -q --filter name=^nightly"],
  options: {
    filter: {
      flag: "--filter",
      short: "-f",
      type: listOf({ ...string, placeholder: "KEY=VALUE" }),
      help: "Only those that match: id, name, container",
    },
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    noHeading: {
      flag: "--noheading",
      short: "-n",
      type: flagSwitch,
      help: "Without the line of headings",
    },
    noTrunc: { flag: "--no-trunc", type: flagSwitch, help: "Whole ids" },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only CONTAINER:NAME" },
  },
  args: { min: 0, max: 1 },
  completes: "container",
  async run({ engine, args, options }) {
    const own = await Promise.all(
      args.map(async (name) => `container=${(await engine.containers.get(name)).id}`),
    );
    const found = await engine.snapshots.list([...options.filter, ...own]);
    if (options.quiet && options.format === undefined) {
      const lines = found.map(({ snapshot }) => `${snapshot.containerName}:${snapshot.name}\n`);
      print(lines.join(""));
      return;
    }
    const now = Date.now();
    print(
      formatRows({
        rows: found.map(({ snapshot, bytes }) => ({
          ID: options.noTrunc ? snapshot.id : snapshot.id.slice(0, 12),
          Container: snapshot.containerName,
          ContainerID: snapshot.containerId,
          Name: snapshot.name,
          Message: snapshot.message,
          Created: humanAge(snapshot.createdAt, now),
          CreatedAt: new Date(snapshot.createdAt).toISOString(),
          Size: humanSize(bytes),
          Bytes: bytes,
        })),
        columns: [
          { header: "CONTAINER", template: "{{.Container}}" },
          { header: "NAME", template: "{{.Name}}" },
          { header: "SNAPSHOT ID", template: "{{.ID}}" },
          { header: "CREATED", template: "{{.Created}}" },
          { header: "SIZE", template: "{{.Size}}" },
          { header: "MESSAGE", template: "{{.Message}}" },
        ],
        headers: { ContainerID: "CONTAINER ID", CreatedAt: "CREATED AT", Bytes: "BYTES" },
        format: options.format,
        noHeading: options.noHeading,
      }),
    );
  },
});

export const rm = defineCommand({
  summary: "Remove snapshots",
  usage: "SNAPSHOT [SNAPSHOT...]",
  description:
    "Files that the container, a fork or another snapshot stands on stay for as long as these need them.",
  examples: ["cooper snapshot rm web:before-upgrade", "cooper snapshot rm web:1 web:2"],
  options: {
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "One that does not exist is no error",
    },
  },
  args: { min: 1 },
  completes: "snapshot",
  run: ({ engine, args, options, forEach }) =>
    forEach(args, async (name) => {
      try {
        return await engine.snapshots.remove(name);
      } catch (error) {
        const isMissing =
          error instanceof CooperError &&
          ["no-such-object", "no-such-container"].includes(error.code);
        if (isMissing && options.force) return undefined;
        throw error;
      }
    }),
});

export const diff = defineCommand({
  summary: "Show what changed since a snapshot",
  usage: "SNAPSHOT [SNAPSHOT]",
  description:
    "To another snapshot of the same container, or to its files as they are now. A was added, C changed, D deleted; by size, time, owner and mode of files.",
  examples: ["cooper snapshot diff web:before-upgrade", "cooper snapshot diff web:1 web:2"],
  options: {
    format: { flag: "--format", type: oneOf("json"), help: "As a document instead of a list" },
  },
  args: { min: 1, max: 2 },
  completes: "snapshot",
  async run({ engine, args: [from = "", to = null], options }) {
    showChanges(await engine.snapshots.changes(from, to), options.format);
  },
});

export const rollback = defineCommand({
  summary: "Put a container's files back to a snapshot",
  usage: "CONTAINER SNAPSHOT",
  description: `What was changed since then is gone, unless another snapshot has it. ${volumesNote}`,
  examples: [
    "cooper rollback web before-upgrade",
    "cooper rollback --restart --keep broken web before-upgrade",
  ],
  options: {
    keep: {
      flag: "--keep",
      type: { ...string, placeholder: "NAME" },
      help: "Keep the files as they are now as a snapshot of that name",
    },
    restart: {
      flag: "--restart",
      type: flagSwitch,
      help: "Stop a container that runs before, and start it again",
    },
  },
  args: { min: 2, max: 2 },
  completes: "container",
  async run({ engine, args: [container = "", snapshot = ""], options }) {
    await engine.snapshots.rollback(container, snapshot, {
      restarts: options.restart ?? false,
      keepsAs: options.keep ?? null,
    });
    print(`${container}\n`);
  },
});

const specOptions = createOptions.filter(({ flag }) => ["--name", "--publish"].includes(flag));

export const fork = defineCommand({
  summary: "Make a container with another's files and settings",
  usage: "CONTAINER[:SNAPSHOT] [NAME]",
  description: [
    `The fork begins with the other's files as they are now, or were in a snapshot of it. ${copyNote}`,
    "Named volumes and directories of the host are shared by both, not copied; a volume without a name is a new one.",
    "Published ports get free ports of the host (see cooper port), unless --publish names others; addresses and aliases in networks are not taken over.",
  ].join(" "),
  examples: ["cooper fork -d db db-try", "cooper fork web:before-upgrade web-old -p 8081:80"],
  options: {
    detach: { flag: "--detach", short: "-d", type: flagSwitch, help: "Start it" },
    ...pausing,
  },
  specOptions,
  args: { min: 1, max: 2 },
  completes: "container",
  async run({ engine, args: [source = "", name], options, spec, given }) {
    if (name !== undefined && spec.name !== null)
      throw new CooperError("invalid-argument", "the fork is named twice", {
        hint: "leave out --name, or the last word",
      });
    const made = await engine.snapshots.fork(source, {
      name: name ?? spec.name,
      ports: given.has("--publish") ? spec.networking.ports : null,
      pauses: pausesOf(options),
      createCommand: process.argv.slice(2),
    });
    print(`${made.id}\n`); // it is there also when it cannot be started
    if (options.detach) await engine.containers.start(made.id);
  },
});

export const sweep = defineCommand({
  summary: "",
  usage: "",
  options: {},
  args: { min: 0, max: 0 },
  isHidden: true,
  run: async ({ engine }: { engine: Engine }) => engine.snapshots.sweep(),
});
