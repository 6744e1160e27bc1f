/** Rows of networks, of containers' connections to them, of leases and published ports ↔ values. */
import type { Database } from "bun:sqlite";
import { CooperError } from "../errors.ts";
import type { Attachment, LiveAttachment, Network } from "../network/model.ts";

interface NetworkRow {
  record: string;
}

const toNetwork = ({ record }: NetworkRow) => JSON.parse(record) as Network;

/** Adds a network. A name that is taken is an error. */
export function insertNetwork(database: Database, network: Network): void {
  const { changes } = database
    .query("insert or ignore into network (id, name, record, created_at) values (?, ?, ?, ?)")
    .run(network.id, network.name, JSON.stringify(network), network.createdAt);
  if (changes === 0) {
    throw new CooperError("name-in-use", `network with name ${network.name} already exists`, {
      hint: `remove it with: cooper network rm ${network.name}, or keep it with --ignore`,
    });
  }
}

/** All networks, by name. */
export function listNetworks(database: Database): Network[] {
  return database
    .query<NetworkRow, []>("select record from network order by name")
    .all()
    .map(toNetwork);
}

/** The network with exactly this id. */
export function getNetwork(database: Database, id: string): Network | undefined {
  const row = database
    .query<NetworkRow, [string]>("select record from network where id = ?")
    .get(id);
  return row === null ? undefined : toNetwork(row);
}

/** Finds a network by name, id, or a unique beginning of an id. */
export function findNetwork(database: Database, nameOrId: string): Network | undefined {
  const exact = database
    .query<NetworkRow, [string, string]>("select record from network where name = ? or id = ?")
    .get(nameOrId, nameOrId);
  if (exact !== null) return toNetwork(exact);
  if (!/^[0-9a-f]{1,64}$/.test(nameOrId)) return undefined;
  const rows = database
    .query<NetworkRow, [string, string]>(
      "select record from network where id >= ? and id < ? limit 2",
    )
    .all(nameOrId, `${nameOrId}g`);
  if (rows.length > 1) {
    throw new CooperError(
      "invalid-argument",
      `several networks have an id that begins with ${nameOrId}`,
    );
  }
  return rows[0] === undefined ? undefined : toNetwork(rows[0]);
}

interface AttachmentRow {
  network_id: string;
  name: string;
  position: number;
  record: string;
  live: string | null;
}

const attachmentQuery =
  "select network_id, name, position, attachment.record, live from attachment join network on id = network_id";

function toAttachment(row: AttachmentRow): Attachment {
  return {
    ...(JSON.parse(row.record) as Omit<
      Attachment,
      "networkId" | "networkName" | "position" | "live"
    >),
    networkId: row.network_id,
    networkName: row.name,
    position: row.position,
    live: row.live === null ? null : (JSON.parse(row.live) as LiveAttachment),
  };
}

/** A container's networks, in order. */
export function attachmentsOf(database: Database, containerId: string): Attachment[] {
  return database
    .query<AttachmentRow, [string]>(`${attachmentQuery} where container_id = ? order by position`)
    .all(containerId)
    .map(toAttachment);
}

/** All connections by their container, in its order. */
export function allAttachments(database: Database): Map<string, Attachment[]> {
  const found = new Map<string, Attachment[]>();
  const rows = database
    .query<AttachmentRow & { container_id: string }, []>(`${attachmentQuery} order by position`)
    .all();
  for (const row of rows) {
    const list = found.get(row.container_id) ?? [];
    list.push(toAttachment(row));
    found.set(row.container_id, list);
  }
  return found;
}

/** Names of networks by the container that is in them, in its order. */
export function networkNames(database: Database): Map<string, string[]> {
  const names = new Map<string, string[]>();
  const rows = database
    .query<{ container_id: string; name: string }, []>(
      "select container_id, name from attachment join network on id = network_id order by position",
    )
    .all();
  for (const { container_id, name } of rows)
    names.set(container_id, [...(names.get(container_id) ?? []), name]);
  return names;
}

/** One connection of a network, and whose it is. */
export interface Member {
  readonly containerId: string;
  readonly containerName: string;
  readonly attachment: Attachment;
}

/** Connects a container, whether it runs or not. A network that it is in already is an error. */
export function addAttachment(
  database: Database,
  containerId: string,
  attachment: Attachment,
): void {
  const { networkId, networkName, position, live, ...asked } = attachment;
  const { changes } = database
    .query(
      "insert or ignore into attachment (container_id, network_id, position, record, live) values (?, ?, ?, ?, ?)",
    )
    .run(
      containerId,
      networkId,
      position,
      JSON.stringify(asked),
      live === null ? null : JSON.stringify(live),
    );
  if (changes === 0) {
    throw new CooperError(
      "conflict",
      `the container is connected to network ${networkName} already`,
    );
  }
}

/** Changes the further names of a container in a network. */
export function setAliases(
  database: Database,
  containerId: string,
  networkId: string,
  aliases: readonly string[],
): void {
  database
    .query(
      "update attachment set record = json_set(record, '$.aliases', json(?)) where container_id = ? and network_id = ?",
    )
    .run(JSON.stringify(aliases), containerId, networkId);
}

/** Notes what a connection is now; null: it is down. */
export function setLive(
  database: Database,
  containerId: string,
  networkId: string,
  live: LiveAttachment | null,
): void {
  database
    .query("update attachment set live = ? where container_id = ? and network_id = ?")
    .run(live === null ? null : JSON.stringify(live), containerId, networkId);
}

/** Forgets what a container held while it ran: addresses, ports, live connections. Idempotent. */
export function releaseNetworking(database: Database, containerId: string): void {
  database.query("delete from lease where container_id = ?").run(containerId);
  database.query("delete from port where container_id = ?").run(containerId);
  database
    .query(
      "update attachment set previous = json_extract(live, '$.addresses'), live = null where container_id = ? and live is not null",
    )
    .run(containerId);
}

/** A connection that is up, and whose; for a firewall that is made anew. */
export interface LiveMember {
  readonly containerId: string;
  readonly networkId: string;
  readonly attachment: Attachment;
  readonly live: LiveAttachment;
}

/** All connections that are up. */
export function liveMembers(database: Database): LiveMember[] {
  return database
    .query<AttachmentRow & { container_id: string }, []>(
      `select network_id, name, position, attachment.record, live, container_id
       from attachment join network on id = network_id
       where live is not null order by container_id, position`,
    )
    .all()
    .flatMap((row) => {
      const attachment = toAttachment(row);
      const { live, networkId } = attachment;
      return live === null ? [] : [{ containerId: row.container_id, networkId, attachment, live }];
    });
}

/** Writes a network's record anew; its id and name stay. */
export function replaceNetwork(database: Database, network: Network): void {
  database
    .query("update network set record = ? where id = ?")
    .run(JSON.stringify(network), network.id);
}

/** Forgets a network that no container is attached to; false when one is. */
export function deleteNetwork(database: Database, id: string): boolean {
  const { changes } = database
    .query(
      "delete from network where id = ? and not exists (select 1 from attachment where network_id = network.id)",
    )
    .run(id);
  return changes > 0;
}

/** Who is in a network, running or not, oldest container first. */
export function membersOf(database: Database, networkId: string): Member[] {
  return database
    .query<AttachmentRow & { container_id: string; container_name: string }, [string]>(
      `select network_id, network.name, position, attachment.record, live,
              container_id, container.name as container_name
       from attachment join network on network.id = network_id
                       join container on container.id = container_id
       where network_id = ? order by container.created_at, container.id`,
    )
    .all(networkId)
    .map((row) => ({
      containerId: row.container_id,
      containerName: row.container_name,
      attachment: toAttachment(row),
    }));
}

/** Takes a container out of a network, with the addresses that it held there. */
export function removeAttachment(database: Database, containerId: string, networkId: string): void {
  database
    .query("delete from lease where container_id = ? and network_id = ?")
    .run(containerId, networkId);
  database
    .query("delete from attachment where container_id = ? and network_id = ?")
    .run(containerId, networkId);
}
