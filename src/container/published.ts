/** Published ports as `ps`, `port` and `inspect` show them. */
import type { Host } from "../host.ts";
import type { PublishedPort } from "../network/model.ts";
import { resolveContainer } from "../records/containers.ts";
import { portsOf } from "../records/leases.ts";
import { liveState } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";

/** The ports of a container by name; none when it does not run. */
export function publishedPorts(host: Host, nameOrId: string): PublishedPort[] {
  const container = resolveContainer(host.database, nameOrId);
  return isUp(liveState(host, container).state) ? portsOf(host.database, container.id) : [];
}

/** Whether a container in this state has its networks. */
export function isUp(state: string): boolean {
  return ["running", "paused", "initialized"].includes(state);
}

/** What the image and --expose name: `80/tcp`. */
export function exposedPorts({ spec, resolved }: ContainerRecord): string[] {
  const image = Object.keys(resolved.imageConfig?.config?.ExposedPorts ?? {});
  const all = [...image, ...spec.networking.expose];
  return [...new Set(all.map((port) => (port.includes("/") ? port : `${port}/tcp`)))];
}

/** Docker's API, `Ports`: a list of bindings, or null for what is only exposed. */
export function portBindings(
  container: ContainerRecord,
  ports: readonly PublishedPort[],
): Record<string, { HostIp: string; HostPort: string }[] | null> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const exposed of exposedPorts(container))
    if (!exposed.includes("-")) bindings[exposed] = null;
  for (const { hostAddress, hostPort, containerPort, count, protocol } of ports) {
    for (let at = 0; at < count; at++) {
      const key = `${containerPort + at}/${protocol}`;
      const list = bindings[key] ?? [];
      list.push({ HostIp: hostAddress, HostPort: `${hostPort + at}` });
      bindings[key] = list;
    }
  }
  return bindings;
}
