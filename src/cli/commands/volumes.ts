/** Commands on volumes. */
import { CooperError } from "../../errors.ts";
import { flagSwitch, integer, listOf, oneOf, string } from "../../option.ts";
import type { ListedVolume } from "../../volume/filter.ts";
import { defineCommand } from "../command.ts";
import { isConfirmed } from "../confirm.ts";
import { humanSize } from "../human.ts";
import { print, tell } from "../output.ts";
import { pairs } from "../pairs.ts";
import { formatRows } from "../table.ts";

const pair = { ...string, placeholder: "KEY[=VALUE]" };
const filter = {
  flag: "--filter",
  type: listOf({ ...string, placeholder: "KEY=VALUE" }),
  help: "Only those that match",
} as const;

export const create = defineCommand({
  summary: "Make a volume",
  usage: "[NAME]",
  examples: [
    "cooper volume create data",
    "cooper volume create --opt type=tmpfs --opt o=size=64m scratch",
    "cooper volume create --opt type=none --opt o=bind --opt device=/srv/data data",
  ],
  options: {
    driver: {
      flag: "--driver",
      short: "-d",
      type: oneOf("local"),
      help: "What keeps it",
      defaultText: "local",
    },
    gid: {
      flag: "--gid",
      type: { ...integer, placeholder: "GID" },
      help: "Group of its directory",
    },
    ignore: { flag: "--ignore", type: flagSwitch, help: "One that is there already is no error" },
    label: { flag: "--label", short: "-l", type: listOf(pair), help: "Set a label" },
    opt: {
      flag: "--opt",
      short: "-o",
      type: listOf(pair),
      help: "Option of the driver: type, device, o, size",
    },
    uid: {
      flag: "--uid",
      type: { ...integer, placeholder: "UID" },
      help: "Owner of its directory",
    },
  },
  args: { min: 0, max: 1 },
  completes: "none",
  async run({ engine, args, options }) {
    const [name] = args;
    if (options.ignore && name !== undefined && (await engine.volumes.exists(name))) {
      print(`${name}\n`);
      return;
    }
    const driverOptions = pairs(options.opt, "option");
    const { ownerOf } = await import("../../volume/driver-options.ts");
    const owner = ownerOf(driverOptions);
    const volume = await engine.volumes.create({
      name: name ?? null,
      isAnonymous: name === undefined,
      labels: pairs(options.label, "label"),
      options: driverOptions,
      ...owner,
      ...(options.uid !== undefined && { uid: options.uid }),
      ...(options.gid !== undefined && { gid: options.gid }),
    });
    print(`${volume.name}\n`);
  },
});

export const exists = defineCommand({
  summary: "Tell by the exit status whether a volume exists",
  usage: "VOLUME",
  options: {},
  args: { min: 1, max: 1 },
  completes: "volume",
  staysOutside: true,
  run: async ({ engine, args }) => ((await engine.volumes.exists(args[0] ?? "")) ? 0 : 1),
});

export const ls = defineCommand({
  summary: "List volumes",
  usage: "",
  examples: ["cooper volume ls --filter dangling=true -q"],
  options: {
    cluster: {
      flag: "--cluster",
      type: flagSwitch,
      help: "Only a cluster's",
      isHidden: true,
      refuse: "there is no swarm mode",
    },
    filter: { ...filter, short: "-f" },
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
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only names" },
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, options }) {
    const volumes = await engine.volumes.list(options.filter);
    if (options.quiet && options.format === undefined) {
      print(volumes.map(({ volume }) => `${volume.name}\n`).join(""));
      return;
    }
    const rows = volumes.map(volumeRow);
    print(
      formatRows({
        rows,
        columns: [
          { header: "DRIVER", template: "{{.Driver}}" },
          { header: "VOLUME NAME", template: "{{.Name}}" },
        ],
        headers: { Mountpoint: "MOUNTPOINT", Labels: "LABELS", Scope: "SCOPE" },
        format: options.format,
        noHeading: options.noHeading,
      }),
    );
  },
});

function volumeRow({ volume, users, mountpoint }: ListedVolume) {
  return {
    Name: volume.name,
    Driver: "local",
    Mountpoint: mountpoint,
    CreatedAt: new Date(volume.createdAt).toISOString(),
    Labels: volume.labels,
    Label: (key: string) => volume.labels[key] ?? "",
    Scope: "local",
    Options: volume.options,
    Anonymous: volume.isAnonymous,
    Links: users,
    MountCount: users,
  };
}

export const prune = defineCommand({
  summary: "Remove volumes that no container uses",
  usage: "",
  description: "Without --all only those that were made for a container without a name.",
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "Also those with names" },
    dryRun: { flag: "--dry-run", type: flagSwitch, help: "Only tell which would go" },
    filter,
    force: { flag: "--force", short: "-f", type: flagSwitch, help: "Do not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const which = options.all ? "all volumes" : "all volumes without a name of their own";
    const isDryRun = options.dryRun ?? false;
    const asks = !options.force && !isDryRun;
    if (asks && !(await isConfirmed(`This removes ${which} that no container uses.`))) return;
    const { names, reclaimedBytes } = await engine.volumes.prune({
      all: options.all ?? false,
      filters: options.filter,
      isDryRun,
    });
    print(names.map((name) => `${name}\n`).join(""));
    if (names.length > 0)
      tell(`${isDryRun ? "Would reclaim" : "Reclaimed"} ${humanSize(reclaimedBytes)}\n`);
  },
});

export const rm = defineCommand({
  summary: "Remove volumes",
  usage: "VOLUME [VOLUME...]",
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "All volumes" },
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "With the ended containers that use it; one that is missing is no error",
    },
    time: {
      flag: "--time",
      short: "-t",
      type: integer,
      help: "How long containers may take to end",
      refuse: "containers that run are not ended for it: use cooper rm -f",
    },
  },
  args: { min: 0 },
  completes: "volume",
  async run({ engine, args, options, forEach }) {
    if (options.all === args.length > 0)
      throw new CooperError("invalid-argument", "name volumes, or use --all: one of them");
    const names = options.all
      ? (await engine.volumes.list([])).map(({ volume }) => volume.name)
      : args;
    return forEach(names, async (name) => {
      try {
        return await engine.volumes.remove(name, { force: options.force ?? false });
      } catch (error) {
        const isMissing = error instanceof CooperError && error.code === "no-such-object";
        if (isMissing && options.force) return undefined;
        throw error;
      }
    });
  },
});

export const mount = defineCommand({
  summary: "Keep a volume mounted, and print where",
  usage: "VOLUME [VOLUME...]",
  description: "As an ordinary user the files are reached within `cooper unshare`.",
  options: {},
  args: { min: 1 },
  completes: "volume",
  run: ({ engine, args, forEach }) => forEach(args, (name) => engine.volumes.mount(name)),
});

export const unmount = defineCommand({
  summary: "Let a volume be unmounted again",
  usage: "VOLUME [VOLUME...]",
  options: {},
  args: { min: 1 },
  completes: "volume",
  run: ({ engine, args, forEach }) => forEach(args, (name) => engine.volumes.unmount(name)),
});

export const reload = defineCommand({
  summary: "Bring the list of volumes up to date with plugins",
  usage: "",
  description: "There are no volume plugins: the list is always up to date.",
  options: {},
  args: { min: 0, max: 0 },
  async run() {
    print("Added:\nRemoved:\n");
  },
});
