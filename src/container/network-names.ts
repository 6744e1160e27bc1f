/** Telling the names service who is in which network. */
import type { Host } from "../host.ts";
import type { Network } from "../network/model.ts";
import {
  hasNames,
  headLine,
  type NamesEntry,
  namesEntry,
  namesFile,
  withEntry,
} from "../network/names.ts";
import {
  isServing,
  type NamesPlace,
  namedNetworks,
  publishNames,
  readNames,
} from "../network/names-service.ts";
import { forwardedDns } from "../network/pasta.ts";
import { getContainer } from "../records/containers.ts";
import { findProgram } from "../system/program.ts";
import { remakeFirewall } from "./firewall.ts";
import { asksLoopbackOnly } from "./host-resolvers.ts";
import { type Connection, runningConnections } from "./live-connections.ts";
import { namesPort, networksPlace } from "./network-mode.ts";
import type { ContainerRecord } from "./record.ts";

/** Whether containers of the network can look each other up here. */
export function answersNames(network: Network): boolean {
  return hasNames(network) && findProgram("aardvark-dns") !== undefined;
}

/** Makes a container known in these networks of it. A service that was killed comes back with all it knew. */
export async function announceNames(
  host: Host,
  container: ContainerRecord,
  connections: readonly Connection[],
): Promise<void> {
  const silent = connections.find(({ network }) => hasNames(network) && !answersNames(network));
  if (silent !== undefined) {
    host.warn(
      `names are not looked up in network ${silent.network.name}: aardvark-dns is not installed (apt-get install aardvark-dns)`,
    );
  }
  await change(host, container.id, connections, ({ attachment, live }) =>
    entryOf(host, container, { attachment, live }),
  );
}

/** Makes a container unknown in these networks; before it lets go of its addresses, lest they mislead. */
export async function withdrawNames(
  host: Host,
  containerId: string,
  connections: readonly Connection[],
): Promise<void> {
  await change(host, containerId, connections, () => null);
}

async function change(
  host: Host,
  containerId: string,
  connections: readonly Connection[],
  entryFor: (connection: Connection) => NamesEntry | null,
): Promise<void> {
  const named = connections.filter(({ network }) => answersNames(network));
  if (named.length === 0) return;
  using _lock = await host.locks.names();
  const place = namesPlace(host);
  const files = new Map<string, string | undefined>(isServing(place) ? [] : allNames(host, place));
  for (const connection of named) {
    const { id } = connection.network;
    const text = files.has(id) ? files.get(id) : readNames(place, id);
    const head = headOf(host, connection.network);
    files.set(id, withEntry(text, head, containerId, entryFor(connection)));
  }
  if (await publishNames(place, files)) await remakeFirewall(host); // which leads to its port
}

/** Writes all of it anew from the records; the service looks at the host's resolvers again. */
export async function remakeNames(host: Host): Promise<void> {
  using _lock = await host.locks.names();
  const place = namesPlace(host);
  await publishNames(place, allNames(host, place), { always: true });
}

function allNames(host: Host, place: NamesPlace): Map<string, string | undefined> {
  const byNetwork = new Map<string, { network: Network; entries: NamesEntry[] }>();
  for (const [id, connections] of runningConnections(host)) {
    const container = getContainer(host.database, id);
    if (container === undefined) continue;
    for (const connection of connections) {
      const { network } = connection;
      if (!answersNames(network)) continue;
      const of = byNetwork.get(network.id) ?? { network, entries: [] };
      of.entries.push(entryOf(host, container, connection));
      byNetwork.set(network.id, of);
    }
  }
  const files = new Map<string, string | undefined>(
    namedNetworks(place).map((id) => [id, undefined]),
  );
  for (const [id, { network, entries }] of byNetwork)
    files.set(id, namesFile(headOf(host, network), entries));
  return files;
}

function entryOf(
  host: Host,
  { id, name, spec }: ContainerRecord,
  { attachment, live }: Pick<Connection, "attachment" | "live">,
): NamesEntry {
  const asked = spec.networking.dns;
  return namesEntry(
    { id, name, dns: asked.length > 0 ? asked : host.settings.dnsServers },
    attachment,
    live,
  );
}

/** The service reads the host's resolv.conf itself; from an ordinary user's namespace its loopback is another. */
function headOf(host: Host, network: Network): string {
  const own = network.dnsServers;
  const forwarded = host.isRootless && asksLoopbackOnly() ? [forwardedDns] : [];
  return headLine(network, own.length > 0 ? own : forwarded);
}

function namesPlace(host: Host): NamesPlace {
  return { where: networksPlace(host), directory: host.paths.names, port: namesPort(host) };
}
