/** A line of `ps`: what both peers' templates and filters know of a container. */
import { readlinkSync } from "node:fs";
import { humanAge, humanDuration } from "../cli/human.ts";
import type { Host } from "../host.ts";
import { listContainers } from "../records/containers.ts";
import { getHealth, healthStatuses } from "../records/health.ts";
import { liveState } from "./live-state.ts";
import { commandOf } from "./process-of.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";

/**
 * One container, in the words of podman-ps(1) and docker-ps(1). Fields are getters: a template pays
 * for what it names.
 */
export class ContainerSummary {
  readonly record: ContainerRecord;
  readonly state: ContainerState;
  readonly pid: number;
  readonly exitCode: number;
  readonly finishedAt: number;
  private readonly healthOf: (id: string) => string | undefined;

  /** @param healthOf knows the health of all that are listed; asked only for what runs */
  constructor(
    host: Host,
    record: ContainerRecord,
    healthOf: (id: string) => string | undefined = (id) => getHealth(host.database, id)?.status,
  ) {
    this.record = record;
    this.healthOf = healthOf;
    const live = liveState(host, record);
    this.state = live.state;
    this.pid = live.pid;
    this.exitCode = live.exit?.exitCode ?? record.exitCode;
    this.finishedAt = live.exit?.finishedAt ?? record.finishedAt;
  }

  /** `Up 3 minutes`, `Exited (0) 2 hours ago`, `Created`. */
  get status(): string {
    const { startedAt } = this.record;
    switch (this.state) {
      case "running":
        return `Up ${humanDuration(Date.now() - (startedAt || this.record.createdAt))}${this.healthText}`;
      case "paused":
        return "Paused";
      case "exited":
        return `Exited (${this.exitCode}) ${humanAge(this.finishedAt, Date.now())}`;
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
    const isUp = this.state === "running" || this.state === "paused";
    return isUp ? (this.healthOf(this.record.id) ?? null) : null;
  }

  /** docker-ps(1): ` (healthy)`, ` (health: starting)`. */
  private get healthText(): string {
    const { health } = this;
    if (health === null) return "";
    return health === "starting" ? " (health: starting)" : ` (${health})`;
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
    const { mode } = this.record.spec.networking;
    return mode.kind === "host" || mode.kind === "none" ? [mode.kind] : [];
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

function namespaceInode(pid: number, file: string): string {
  if (pid === 0) return "";
  try {
    return /\d+/.exec(readlinkSync(`/proc/${pid}/ns/${file}`))?.[0] ?? "";
  } catch {
    return ""; // it has just ended
  }
}

/** All containers as lines, oldest first. One query, and a look at /proc for each that runs. */
export function summarize(host: Host): ContainerSummary[] {
  let known: Map<string, string> | undefined;
  const healthOf = (id: string) => {
    known ??= healthStatuses(host.database);
    return known.get(id);
  };
  return listContainers(host.database).map(
    (record) => new ContainerSummary(host, record, healthOf),
  );
}
