/** `ps` and `top`: tables of containers and of their processes. */

import { labelsOf } from "../../container/process-of.ts";
import type { ContainerSummary } from "../../container/summary.ts";
import { descriptorNames } from "../../container/top.ts";
import { CooperError } from "../../errors.ts";
import type { PublishedPort } from "../../network/model.ts";
import { formatPlatform } from "../../oci/platform.ts";
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
function choose(containers: readonly ContainerSummary[], options: PsOptions): ContainerSummary[] {
  const newest = containers.toReversed();
  if (options.latest) return newest.slice(0, 1);
  if (options.last !== undefined && options.last >= 0) return newest.slice(0, options.last);
  const asksStates = options.filter.some((filter) => /^(status|exited)=/.test(filter));
  return newest.filter(({ isActive }) => options.all || options.external || asksStates || isActive);
}

function sorted(
  rows: ContainerSummary[],
  key: string,
  sizes: ReadonlyMap<string, ContainerSize>,
): ContainerSummary[] {
  const by: Record<string, (row: ContainerSummary) => string | number> = {
    command: (row) => row.command.join(" "),
    id: ({ record }) => record.id,
    image: ({ record }) => record.resolved.imageName,
    names: ({ record }) => record.name,
    runningfor: ({ record }) => -record.startedAt,
    size: ({ record }) => sizes.get(record.id)?.writable ?? 0,
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

const idLines = (rows: readonly ContainerSummary[], isWhole: boolean | undefined) =>
  rows.map(({ record }) => `${isWhole ? record.id : record.id.slice(0, 12)}\n`).join("");

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
  rows: readonly ContainerSummary[],
  options: PsOptions,
  sizes: ReadonlyMap<string, ContainerSize>,
): string {
  const size: readonly Column[] = options.size ? [{ header: "SIZE", template: "{{.Size}}" }] : [];
  return formatRows({
    rows: rows.map((container) => ({
      container,
      record: container.record,
      isWhole: options.noTrunc ?? false,
      size: sizes.get(container.record.id),
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
  readonly container: ContainerSummary;
  readonly record: ContainerSummary["record"];
  readonly isWhole: boolean;
  readonly size: ContainerSize | undefined;
}

/** The fields of both peers' templates. */
const psFields: Fields<PsRow> = {
  ID: ({ record, isWhole }) => (isWhole ? record.id : record.id.slice(0, 12)),
  Id: ({ record }) => record.id,
  Names: ({ record }) => record.name,
  Name: ({ record }) => record.name,
  Image: ({ record }) => record.resolved.imageName || record.spec.rootfs?.path || "",
  ImageID: ({ record }) => record.imageId ?? "",
  Command: ({ container, isWhole }) => commandText(container.command, isWhole),
  CreatedAt: ({ record }) =>
    new Date(record.createdAt)
      .toISOString()
      .replace("T", " ")
      .replace(/\.(\d+)Z$/, " +0000 UTC"),
  Created: ({ record }) => Math.floor(record.createdAt / 1000),
  RunningFor: ({ record }) => humanAge(record.createdAt, Date.now()),
  CreatedHuman: ({ record }) => humanAge(record.createdAt, Date.now()),
  Status: ({ container }) => container.status,
  State: ({ container }) => container.state,
  Ports: ({ container }) => container.ports,
  Size: ({ size }) =>
    size === undefined
      ? ""
      : `${humanSize(size.writable, 3)} (virtual ${humanSize(size.total, 3)})`,
  Labels: ({ record }) => labelsOf(record.spec, record.resolved.imageConfig),
  Mounts: ({ container }) => container.mounts.join(","),
  LocalVolumes: ({ record }) => `${record.resolved.volumes.length}`,
  Networks: ({ container }) => container.networks.join(","),
  Pid: ({ container }) => container.pid,
  ExitCode: ({ container }) => container.exitCode,
  Exited: ({ container }) => container.state === "exited",
  ExitedAt: ({ container }) => Math.floor(container.finishedAt / 1000),
  StartedAt: ({ record }) => Math.floor(record.startedAt / 1000),
  Restarts: ({ record }) => record.restartCount,
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
  Platform: ({ record }) => platformText(record.resolved.imageConfig),
  AutoRemove: ({ record }) => record.spec.removesItself,
  IsInfra: () => false,
};

function platformText(image: ContainerSummary["record"]["resolved"]["imageConfig"]): string {
  return image === null ? "" : formatPlatform({ variant: "", ...image });
}

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
function toJson(container: ContainerSummary): Record<string, unknown> {
  const { record } = container;
  return {
    AutoRemove: record.spec.removesItself,
    Command: container.command,
    CreatedAt: humanAge(record.createdAt, Date.now()),
    CIDFile: "",
    Exited: container.state === "exited",
    ExitedAt: Math.floor(container.finishedAt / 1000),
    ExitCode: container.exitCode,
    Id: record.id,
    Image: record.resolved.imageName,
    ImageID: record.imageId ?? "",
    IsInfra: false,
    Labels: labelsOf(record.spec, record.resolved.imageConfig),
    Mounts: container.mounts,
    Names: [record.name],
    Namespaces: {},
    Networks: container.networks,
    Pid: container.pid,
    Pod: "",
    PodName: "",
    Ports: container.publishedPorts.length === 0 ? null : container.publishedPorts.map(podmanPort),
    Restarts: record.restartCount,
    Size: null,
    StartedAt: Math.floor(record.startedAt / 1000),
    State: container.state,
    Status: container.status,
    Created: Math.floor(record.createdAt / 1000),
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
