/** Containers as Podman shows them: in a list, and one by one. Pure. */
import type { ContainerRecord } from "../../container/record.ts";
import type { ContainerSummary } from "../../container/summary.ts";
import { signalName } from "../../oci/signals.ts";
import { shownNetwork } from "./network.ts";

type Json = Readonly<Record<string, unknown>>;

/** Go's time that never was, in seconds. */
const never = -62_135_596_800;
const seconds = (ms: number) => (ms === 0 ? never : Math.floor(ms / 1000));

/** From here on a client reads lists and names where it read one text and a number before. */
const plainSince = 5000;

/** What a list is asked for besides. */
export interface ListExtras {
  readonly size: { readonly writable: number; readonly total: number } | undefined;
  readonly showsNamespaces: boolean;
}

/** An item of `/containers/json`. */
export function containerItem(summary: ContainerSummary, extras: ListExtras): Json {
  const { record, state } = summary;
  const { spec, resolved } = record;
  const { size } = extras;
  const labels = { ...resolved.imageConfig?.config?.Labels, ...spec.labels };
  const ports = portList(summary);
  return {
    AutoRemove: spec.removesItself,
    Command: summary.command,
    Created: new Date(record.createdAt).toISOString(),
    CreatedAt: "",
    CIDFile: "",
    Exited: state === "exited",
    ExitedAt: seconds(summary.finishedAt),
    ExitCode: summary.exitCode,
    ExposedPorts: exposedPorts(summary),
    Id: record.id,
    Image: imageOf(record),
    ImageID: record.imageId ?? "",
    IsInfra: false,
    Labels: Object.keys(labels).length > 0 ? labels : null,
    Mounts: spec.mounts.map(({ target }) => target),
    Names: [record.name],
    Namespaces: extras.showsNamespaces ? namespaces(summary) : {},
    Networks: summary.networks
      .filter((name) => name !== "none" && name !== "host")
      .map(shownNetwork),
    Pid: summary.pid,
    Pod: "",
    PodName: "",
    Ports: ports.length > 0 ? ports : null,
    Restarts: record.restartCount,
    Size: size === undefined ? null : { rootFsSize: size.total, rwSize: size.writable },
    StartedAt: seconds(record.startedAt),
    State: state,
    Status: summary.health ?? "",
  };
}

const imageOf = ({ spec, resolved }: ContainerRecord) => resolved.imageName || (spec.image ?? "");

/** Those of a container that runs as they are, of another as they were asked for. */
function portList(summary: ContainerSummary): Json[] {
  const published = summary.publishedPorts;
  const ports = published.length > 0 ? published : summary.record.spec.networking.ports;
  return ports.map(({ hostAddress, hostPort, containerPort, count, protocol }) => ({
    host_ip: hostAddress === "0.0.0.0" ? "" : (hostAddress ?? ""),
    container_port: containerPort,
    host_port: hostPort ?? 0,
    range: count,
    protocol,
  }));
}

function exposedPorts({ exposedPorts }: ContainerSummary): Record<string, string[]> | null {
  const byNumber: Record<string, string[]> = {};
  for (const port of exposedPorts) {
    const [range = "", protocol = "tcp"] = port.split("/");
    const [first = 0, last = first] = range.split("-").map(Number);
    for (let number = first; number <= last; number++)
      byNumber[number] = [...(byNumber[number] ?? []), protocol];
  }
  return exposedPorts.length > 0 ? byNumber : null;
}

/** Our names are those of templates. */
const namespaceNames = {
  Mnt: "MNT",
  Cgroup: "Cgroup",
  Ipc: "IPC",
  Net: "NET",
  Pidns: "PIDNS",
  Uts: "UTS",
  User: "User",
};

function namespaces(summary: ContainerSummary): Json {
  if (summary.pid === 0) return {};
  const found = summary.namespaces;
  return Object.fromEntries(
    Object.entries(namespaceNames).map(([name, ours]) => [name, found[ours] ?? ""]),
  );
}

/** `/containers/{name}/json`: what `inspect` of the engine says, in the types of the client's version. */
export function inspectedContainer(record: ContainerRecord, document: Json, version: number): Json {
  const config = document.Config as Json;
  const entrypoint = (config.Entrypoint as readonly string[] | null) ?? null;
  const { stopSignal, networkMode } = record.resolved;
  const isPlain = version >= plainSince;
  const settings = document.NetworkSettings as Json;
  const networks = Object.entries(settings.Networks as Json);
  return {
    ...document,
    NetworkSettings: {
      ...settings,
      Networks: Object.fromEntries(networks.map(([name, value]) => [shownNetwork(name), value])),
    },
    HostConfig: {
      ...(document.HostConfig as Json),
      ...(networkMode === "bridge" && { NetworkMode: "bridge" }),
    },
    Config: {
      ...config,
      Image: imageOf(record),
      Entrypoint: isPlain ? entrypoint : (entrypoint ?? []).join(" "),
      StopSignal: isPlain ? signalName(stopSignal) : stopSignal,
    },
  };
}
