/** A line of `ps`: what both peers' templates and filters know of a container. */
import { readlinkSync } from "node:fs";
import { humanAge, humanDuration } from "../cli/human.ts";
import type { Host } from "../host.ts";
import type { Attachment, PublishedPort } from "../network/model.ts";
import { portsText } from "../network/port-text.ts";
import { formatPlatform } from "../oci/platform.ts";
import { listContainers, listEveryContainer } from "../records/containers.ts";
import { type HealthSummary, healthStatuses } from "../records/health.ts";
import { allPorts } from "../records/leases.ts";
import { allAttachments, networkNames } from "../records/networks.ts";
import { endpointsByNetwork } from "./inspect-network.ts";
import type { ListedContainer } from "./listed.ts";
import { liveState } from "./live-state.ts";
import { commandOf, labelsOf } from "./process-of.ts";
import { exposedPorts, isUp } from "./published.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";

/**
 * One container, in the words of podman-ps(1) and docker-ps(1). Fields are getters: a template pays
 * for what it names.
 */
export class ContainerSummary implements ListedContainer {
  readonly record: ContainerRecord;
  readonly state: ContainerState;
  readonly pid: number;
  readonly exitCode: number;
  readonly finishedAt: number;
  private readonly shared: SharedRows;

  /** @param shared rows of all containers, read once for a listing */
  constructor(host: Host, record: ContainerRecord, shared = new SharedRows(host)) {
    this.shared = shared;
    this.record = record;
    const live = liveState(host, record);
    this.state = live.state;
    this.pid = live.pid;
    this.exitCode = live.exit?.exitCode ?? record.exitCode;
    this.finishedAt = live.exit?.finishedAt ?? record.finishedAt;
  }

  /** Whether it is listed where not all are: it runs, or will do so again by itself. */
  get isActive(): boolean {
    return ["running", "paused", "restarting"].includes(this.state);
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  get image(): string {
    return this.record.resolved.imageName || this.record.spec.rootfs?.path || "";
  }

  get imageId(): string {
    return this.record.imageId ?? "";
  }

  get createdAt(): number {
    return this.record.createdAt;
  }

  get startedAt(): number {
    return this.record.startedAt;
  }

  get restartCount(): number {
    return this.record.restartCount;
  }

  get labels(): Record<string, string> {
    return labelsOf(this.record.spec, this.record.resolved.imageConfig);
  }

  get volumeCount(): number {
    return this.record.resolved.volumes.length;
  }

  get platform(): string {
    const { imageConfig } = this.record.resolved;
    return imageConfig === null ? "" : formatPlatform({ variant: "", ...imageConfig });
  }

  get removesItself(): boolean {
    return this.record.spec.removesItself;
  }

  get staysStopped(): boolean {
    const { spec, stoppedBy } = this.record;
    return spec.restart.policy === "unless-stopped" && stoppedBy === "user";
  }

  /** `Up 3 minutes`, `Exited (0) 2 hours ago`, `Created`. */
  get status(): string {
    switch (this.state) {
      case "running":
        return `Up ${this.upFor}${this.healthText}`;
      case "paused":
        return "Paused";
      case "exited":
        return `Exited (${this.exitCode}) ${humanAge(this.finishedAt, Date.now())}`;
      case "restarting":
        return `Restarting (${this.exitCode}) ${humanAge(this.finishedAt, Date.now())}`;
      case "initialized":
        return "Initialized";
      case "removing":
        return "Removal In Progress";
      default:
        return "Created";
    }
  }

  /** `starting`, `healthy` or `unhealthy` while it runs; null without a check. */
  get health(): string | null {
    return isUp(this.state) ? (this.shared.healthOf(this.record.id)?.status ?? null) : null;
  }

  /** Failures of its check in a row. */
  get failingStreak(): number {
    return this.shared.healthOf(this.record.id)?.failingStreak ?? 0;
  }

  /** docker-ps(1): ` (healthy)`, ` (health: starting)`. */
  private get healthText(): string {
    const { health } = this;
    if (health === null) return "";
    return health === "starting" ? " (health: starting)" : ` (${health})`;
  }

  /** `3 minutes`: since its start. */
  get upFor(): string {
    return humanDuration(Date.now() - (this.record.startedAt || this.record.createdAt));
  }

  get command(): string[] {
    return commandOf(this.record.spec, this.record.resolved.imageConfig);
  }

  /** Names of volumes and sources of binds. */
  get mounts(): string[] {
    return this.record.spec.mounts.flatMap((mount) => {
      if (mount.kind === "volume") return [mount.name ?? ""];
      return mount.kind === "bind" ? [mount.source] : [];
    });
  }

  get networks(): string[] {
    const { networkMode } = this.record.resolved;
    if (networkMode === "host" || networkMode === "none") return [networkMode];
    return this.shared.networks.get(this.record.id) ?? [];
  }

  /** Its connections, as inspect shows them. */
  get endpoints(): ReturnType<typeof endpointsByNetwork> {
    const attachments = this.shared.attachments.get(this.record.id) ?? [];
    return endpointsByNetwork(this.record, attachments, isUp(this.state));
  }

  /** What can be reached through the host right now. */
  get publishedPorts(): readonly PublishedPort[] {
    return isUp(this.state) ? (this.shared.ports.get(this.record.id) ?? []) : [];
  }

  /** The column PORTS; empty for one that does not run. */
  get ports(): string {
    return isUp(this.state) ? portsText(this.exposedPorts, this.publishedPorts) : "";
  }

  /** What the image and --expose name: `80/tcp`. */
  get exposedPorts(): readonly string[] {
    return exposedPorts(this.record);
  }

  /** Inode numbers of its namespaces (`ps --ns`). */
  get namespaces(): Record<string, string> {
    const names = {
      Cgroup: "cgroup",
      IPC: "ipc",
      MNT: "mnt",
      NET: "net",
      PIDNS: "pid",
      UTS: "uts",
      User: "user",
    };
    return Object.fromEntries(
      Object.entries(names).map(([name, file]) => [name, namespaceInode(this.pid, file)]),
    );
  }
}

/** One query for all containers, and only when somebody asks. */
export class SharedRows {
  private readonly host: Host;
  private portRows: ReadonlyMap<string, readonly PublishedPort[]> | undefined;
  private healthRows: ReadonlyMap<string, HealthSummary> | undefined;
  private attachmentRows: ReadonlyMap<string, Attachment[]> | undefined;
  private networkRows: ReadonlyMap<string, string[]> | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  get ports(): ReadonlyMap<string, readonly PublishedPort[]> {
    this.portRows ??= allPorts(this.host.database);
    return this.portRows;
  }

  /** Null without a check. */
  healthOf(id: string): HealthSummary | null {
    this.healthRows ??= healthStatuses(this.host.database);
    return this.healthRows.get(id) ?? null;
  }

  get attachments(): ReadonlyMap<string, Attachment[]> {
    this.attachmentRows ??= allAttachments(this.host.database);
    return this.attachmentRows;
  }

  get networks(): ReadonlyMap<string, string[]> {
    this.networkRows ??= networkNames(this.host.database);
    return this.networkRows;
  }
}

function namespaceInode(pid: number, file: string): string {
  if (pid === 0) return "";
  try {
    return /\d+/.exec(readlinkSync(`/proc/${pid}/ns/${file}`))?.[0] ?? "";
  } catch {
    return ""; // it has just ended
  }
}

/**
 * Containers as lines, oldest first. One query, and a look at /proc for each that runs.
 *
 * @param withBuilds also those that steps of builds run in
 */
export function summarize(host: Host, withBuilds = false): ContainerSummary[] {
  const shared = new SharedRows(host);
  const list = withBuilds ? listEveryContainer : listContainers;
  return list(host.database).map((record) => new ContainerSummary(host, record, shared));
}
