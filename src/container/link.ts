/** Docker's links between containers: a further name for one that is there, in a network. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { attachmentsOf, setAliases } from "../records/networks.ts";
import { liveConnections } from "./live-connections.ts";
import { isAlive } from "./live-state.ts";
import { lockedContainer } from "./network-connect.ts";
import { announceNames } from "./network-names.ts";
import { oneNetwork } from "./network-verbs.ts";

/**
 * Gives a container another name in a network, for all who are in it; the one that it has already is fine.
 *
 * @throws CooperError conflict when it is not in that network
 */
export async function addAlias(
  host: Host,
  networkName: string,
  nameOrId: string,
  alias: string,
): Promise<void> {
  const { network } = oneNetwork(host, networkName);
  using locked = await lockedContainer(host, nameOrId);
  const { container } = locked;
  const { id, name } = container;
  const found = attachmentsOf(host.database, id).find(({ networkId }) => networkId === network.id);
  if (found === undefined)
    throw new CooperError(
      "conflict",
      `Cannot link to ${name}, as it does not belong to the network ${network.name}`,
    );
  if ([name, id.slice(0, 12), ...found.aliases].includes(alias)) return;
  setAliases(host.database, id, network.id, [...found.aliases, alias]);
  if (!isAlive(container)) return;
  const own = liveConnections(host, id).filter((one) => one.network.id === network.id);
  await announceNames(host, container, own);
}
