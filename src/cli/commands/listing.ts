/** `ps` and `top`: tables of containers and of their processes. */

import type { ListedContainer } from "../../container/listed.ts";
import { descriptorNames } from "../../container/top.ts";
import { CooperError } from "../../errors.ts";
import type { PublishedPort } from "../../network/model.ts";
import { flagSwitch, integer, listOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { humanAge, humanSize } from "../human.ts";
import { print } from "../output.ts";
import { latest, selectContainers } from "../select.ts";
import { type Column, type Fields, formatRows, renderTable } from "../table.ts";

const sortKeys = [
  "command",
  "created",
  "id",
  "image",
  "names",
  "runningfor",
  "size",
  "status",
] as const;

export const ps = defineCommand({
  summary: "List containers",
  usage: "",
  examples: ["cooper ps -a", "cooper ps --filter status=exited --format '{{.ID}} {{.Names}}'"],
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "Also those that do not run" },
    external: {
      flag: "--external",
      type: flagSwitch,
      help: "Also those that do not run, and those that steps of builds run in",
    },
    filter: {
      flag: "--filter",
      short: "-f",
      type: listOf({ ...string, placeholder: "KEY=VALUE" }),
      help: "Only those that match",
    },
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    last: {
      flag: "--last",
      short: "-n",
      type: { ...integer, placeholder: "N" },
      help: "The N made last, in any state",
    },
    latest,
    noTrunc: {
      flag: "--no-trunc",
      type: flagSwitch,
      help: "Whole ids and commands",
      aliases: ["--notruncate"],
    },
    noHeading: { flag: "--noheading", type: flagSwitch, help: "Without the line of headings" },
    namespaces: {
      flag: "--ns",
      aliases: ["--namespace"],
      type: flagSwitch,
      help: "Show their namespaces",
    },
    pod: {
      flag: "--pod",
      short: "-p",
      type: flagSwitch,
      help: "Show their pods",
      refuse: "there are no pods yet",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only ids" },
    size: {
      flag: "--size",
      short: "-s",
      type: flagSwitch,
      help: "Show how much they have written",
    },
    sort: {
      flag: "--sort",
      type: { ...string, placeholder: "KEY", choices: sortKeys },
      help: "Order by command, created, id, image, names, runningfor, size or status",
      defaultText: "created",
    },
    sync: {
      flag: "--sync",
      type: flagSwitch,
      help: "Compare with the OCI runtime",
      ignored: "states are always asked from the kernel",
    },
    watch: {
      flag: "--watch",
      short: "-w",
      type: { ...integer, placeholder: "SECONDS" },
      help: "Show it again every so many seconds",
    },
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, options }) {
    for (;;) {
      const rows = choose(await engine.containers.list(options.filter, options.external), options);
      const sizes =
        options.size || options.sort === "size"
          ? await engine.containers.sizes(rows)
          : new Map<string, ContainerSize>();
      const text =
        options.quiet && options.format === undefined
          ? idLines(rows, options.noTrunc)
          : table(sorted(rows, options.sort ?? "created", sizes), options, sizes);
      if (options.watch === undefined) {
        print(text);
        return;
      }
      print(`\x1b[2J\x1b[H${text}`);
      await Bun.sleep(Math.max(1, options.watch) * 1000);
    }
  },
});

/** Bytes in the writable layer, and with the image. */
interface ContainerSize {
  readonly writable: number;
  readonly total: number;
}

interface PsOptions {
  readonly all?: boolean | undefined;
  readonly external?: boolean | undefined;
  readonly filter: readonly string[];
  readonly last?: number | undefined;
  readonly latest?: boolean | undefined;
  readonly noTrunc?: boolean | undefined;
  readonly namespaces?: boolean | undefined;
  readonly size?: boolean | undefined;
  readonly format?: string | undefined;
  readonly noHeading?: boolean | undefined;
}

/** Newest first, as Docker lists them. Without --all only what runs, unless a filter asks about states. */
function choose(containers: readonly ListedContainer[], options: PsOptions): ListedContainer[] {
  const newest = containers.toReversed();
  if (options.latest) return newest.slice(0, 1);
  if (options.last !== undefined && options.last >= 0) return newest.slice(0, options.last);
  const asksStates = options.filter.some((filter) => /^(status|exited)=/.test(filter));
  return newest.filter(({ isActive }) => options.all || options.external || asksStates || isActive);
}

function sorted(
  rows: ListedContainer[],
  key: string,
  sizes: ReadonlyMap<string, ContainerSize>,
): ListedContainer[] {
  const by: Record<string, (row: ListedContainer) => string | number> = {
    command: (row) => row.command.join(" "),
    id: ({ id }) => id,
    image: ({ image }) => image,
    names: ({ name }) => name,
    runningfor: ({ startedAt }) => -startedAt,
    size: ({ id }) => sizes.get(id)?.writable ?? 0,
    status: ({ status }) => status,
  };
  if (key === "created") return rows;
  const value = by[key];
  if (value === undefined) {
    throw new CooperError("invalid-argument", `cannot sort by "${key}"`, {
      hint: sortKeys.join(", "),
    });
  }
  return rows.toSorted((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
}

const idLines = (rows: readonly ListedContainer[], isWhole: boolean | undefined) =>
  rows.map(({ id }) => `${isWhole ? id : id.slice(0, 12)}\n`).join("");

const columns: readonly Column[] = [
  { header: "CONTAINER ID", template: "{{.ID}}" },
  { header: "IMAGE", template: "{{.Image}}" },
  { header: "COMMAND", template: "{{.Command}}" },
  { header: "CREATED", template: "{{.RunningFor}}" },
  { header: "STATUS", template: "{{.Status}}" },
  { header: "PORTS", template: "{{.Ports}}" },
  { header: "NAMES", template: "{{.Names}}" },
];

const namespaceColumns: readonly Column[] = [
  { header: "CONTAINER ID", template: "{{.ID}}" },
  { header: "NAMES", template: "{{.Names}}" },
  ...[
    "Pid:PID",
    "Cgroup:CGROUPNS",
    "IPC:IPC",
    "MNT:MNT",
    "NET:NET",
    "PIDNS:PIDNS",
    "User:USERNS",
    "UTS:UTS",
  ].map((pair) => {
    const [field = "", header = ""] = pair.split(":");
    return { header, template: field === "Pid" ? "{{.Pid}}" : `{{.Namespaces.${field}}}` };
  }),
];

function table(
  rows: readonly ListedContainer[],
  options: PsOptions,
  sizes: ReadonlyMap<string, ContainerSize>,
): string {
  const size: readonly Column[] = options.size ? [{ header: "SIZE", template: "{{.Size}}" }] : [];
  return formatRows({
    rows: rows.map((container) => ({
      container,
      isWhole: options.noTrunc ?? false,
      size: sizes.get(container.id),
    })),
    fields: psFields,
    columns: options.namespaces ? namespaceColumns : [...columns, ...size],
    headers: {
      CreatedAt: "CREATED AT",
      Networks: "NETWORKS",
      Labels: "LABELS",
      Mounts: "MOUNTS",
      State: "STATE",
    },
    noHeading: options.noHeading,
    format: options.format,
    json: () => rows.map(toJson),
  });
}

/** What a line of `ps` is made from. */
interface PsRow {
  readonly container: ListedContainer;
  readonly isWhole: boolean;
  readonly size: ContainerSize | undefined;
}

/** The fields of both peers' templates. */
const psFields: Fields<PsRow> = {
  ID: ({ container: { id }, isWhole }) => (isWhole ? id : id.slice(0, 12)),
  Id: ({ container }) => container.id,
  Names: ({ container }) => container.name,
  Name: ({ container }) => container.name,
  Image: ({ container }) => container.image,
  ImageID: ({ container }) => container.imageId,
  Command: ({ container, isWhole }) => commandText(container.command, isWhole),
  CreatedAt: ({ container }) =>
    new Date(container.createdAt)
      .toISOString()
      .replace("T", " ")
      .replace(/\.(\d+)Z$/, " +0000 UTC"),
  Created: ({ container }) => Math.floor(container.createdAt / 1000),
  RunningFor: ({ container }) => humanAge(container.createdAt, Date.now()),
  CreatedHuman: ({ container }) => humanAge(container.createdAt, Date.now()),
  Status: ({ container }) => container.status,
  State: ({ container }) => container.state,
  Ports: ({ container }) => container.ports,
  Size: ({ size }) =>
    size === undefined
      ? ""
      : `${humanSize(size.writable, 3)} (virtual ${humanSize(size.total, 3)})`,
  Labels: ({ container }) => container.labels,
  Mounts: ({ container }) => container.mounts.join(","),
  LocalVolumes: ({ container }) => `${container.volumeCount}`,
  Networks: ({ container }) => container.networks.join(","),
  Pid: ({ container }) => container.pid,
  ExitCode: ({ container }) => container.exitCode,
  Exited: ({ container }) => container.state === "exited",
  ExitedAt: ({ container }) => Math.floor(container.finishedAt / 1000),
  StartedAt: ({ container }) => Math.floor(container.startedAt / 1000),
  Restarts: ({ container }) => container.restartCount,
  Pod: () => "",
  PodName: () => "",
  Namespaces: ({ container }) => container.namespaces,
  Cgroup: ({ container }) => container.namespaces.Cgroup,
  CGROUPNS: ({ container }) => container.namespaces.Cgroup,
  IPC: ({ container }) => container.namespaces.IPC,
  MNT: ({ container }) => container.namespaces.MNT,
  NET: ({ container }) => container.namespaces.NET,
  PIDNS: ({ container }) => container.namespaces.PIDNS,
  USERNS: ({ container }) => container.namespaces.User,
  UTS: ({ container }) => container.namespaces.UTS,
  CIDFile: () => "",
  ExposedPorts: ({ container }) => container.exposedPorts.join(", "),
  Health: ({ container }) => container.health ?? "",
  Platform: ({ container }) => container.platform,
  AutoRemove: ({ container }) => container.removesItself,
  IsInfra: () => false,
};

function commandText(command: readonly string[], isWhole: boolean): string {
  const text = command.join(" ");
  return isWhole || text.length <= 20 ? text : `${text.slice(0, 19)}…`;
}

const podmanPort = ({ hostAddress, hostPort, containerPort, count, protocol }: PublishedPort) => ({
  host_ip: hostAddress,
  container_port: containerPort,
  host_port: hostPort,
  range: count,
  protocol,
});

/** As `podman ps --format json`. */
function toJson(container: ListedContainer): Record<string, unknown> {
  return {
    AutoRemove: container.removesItself,
    Command: container.command,
    CreatedAt: humanAge(container.createdAt, Date.now()),
    CIDFile: "",
    Exited: container.state === "exited",
    ExitedAt: Math.floor(container.finishedAt / 1000),
    ExitCode: container.exitCode,
    Id: container.id,
    Image: container.image,
    ImageID: container.imageId,
    IsInfra: false,
    Labels: container.labels,
    Mounts: container.mounts,
    Names: [container.name],
    Namespaces: {},
    Networks: container.networks,
    Pid: container.pid,
    Pod: "",
    PodName: "",
    Ports: container.publishedPorts.length === 0 ? null : container.publishedPorts.map(podmanPort),
    Restarts: container.restartCount,
    Size: null,
    StartedAt: Math.floor(container.startedAt / 1000),
    State: container.state,
    Status: container.status,
    Created: Math.floor(container.createdAt / 1000),
  };
}

export const top = defineCommand({
  summary: "Show the processes of a container",
  usage: "CONTAINER [FORMAT-DESCRIPTOR...|PS-OPTIONS]",
  description: `Descriptors: ${descriptorNames.join(" ")}.`,
  examples: ["cooper top web", "cooper top web pid user args", "cooper top web -ef"],
  options: {
    latest,
    listDescriptors: {
      flag: "--list-descriptors",
      type: flagSwitch,
      help: "Print the descriptors",
      isHidden: true,
    },
  },
  args: { min: 0 },
  stopsAtFirstWord: true,
  completes: "running-container",
  async run({ engine, args, options }) {
    if (options.listDescriptors) {
      print(`${descriptorNames.join("\n")}\n`);
      return;
    }
    const [name = ""] = await selectContainers(
      engine,
      options.latest ? [] : args.slice(0, 1),
      options,
    );
    const { headings, rows } = await engine.containers.top(
      name,
      options.latest ? args : args.slice(1),
    );
    print(renderTable(rows, headings));
  },
});
