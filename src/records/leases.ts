/** What running containers hold: addresses of networks and ports of the host. */
import type { Database } from "bun:sqlite";
import type { LeasedAddress, PublishedPort } from "../network/model.ts";

interface PortRow {
  container_id: string;
  protocol: PublishedPort["protocol"];
  host_address: string;
  host_port: number;
  container_port: number;
  count: number;
}

const toPort = (row: PortRow): PublishedPort => ({
  hostAddress: row.host_address,
  hostPort: row.host_port,
  containerPort: row.container_port,
  count: row.count,
  protocol: row.protocol,
});

/** Who holds an address of a network; undefined: nobody. */
export function leaseHolder(
  database: Database,
  networkId: string,
  address: string,
): string | undefined {
  return database
    .query<{ container_id: string }, [string, string]>(
      "select container_id from lease where network_id = ? and address = ?",
    )
    .get(networkId, address)?.container_id;
}

/** The addresses that a container had in a network the last time it ran. */
export function previousAddresses(
  database: Database,
  containerId: string,
  networkId: string,
): string[] {
  const row = database
    .query<{ previous: string | null }, [string, string]>(
      "select previous from attachment where container_id = ? and network_id = ?",
    )
    .get(containerId, networkId);
  const addresses = JSON.parse(row?.previous ?? "[]") as LeasedAddress[];
  return addresses.map(({ address }) => address);
}

/** Takes an address; the caller has seen, in the same transaction, that nobody holds it. */
export function addLease(
  database: Database,
  networkId: string,
  address: string,
  containerId: string,
): void {
  database
    .query("insert into lease (network_id, address, container_id) values (?, ?, ?)")
    .run(networkId, address, containerId);
}

/** The address leased last, by subnet. */
export function cursorsOf(database: Database, networkId: string): Record<string, string> {
  const row = database
    .query<{ cursors: string }, [string]>("select cursors from network where id = ?")
    .get(networkId);
  return row === null ? {} : (JSON.parse(row.cursors) as Record<string, string>);
}

/** Remembers where the next lease starts to look. */
export function setCursors(
  database: Database,
  networkId: string,
  cursors: Readonly<Record<string, string>>,
): void {
  database
    .query("update network set cursors = ? where id = ?")
    .run(JSON.stringify(cursors), networkId);
}

/** Ids of all containers that hold addresses of a network. */
export function leaseHolders(database: Database, networkId: string): string[] {
  return database
    .query<{ container_id: string }, [string]>(
      "select distinct container_id from lease where network_id = ?",
    )
    .all(networkId)
    .map((row) => row.container_id);
}

/** Ports by the container that has published them, of all that run. */
export function allPorts(database: Database): Map<string, PublishedPort[]> {
  const rows = database
    .query<PortRow, []>("select * from port order by container_port, protocol, host_address")
    .all();
  const ports = new Map<string, PublishedPort[]>();
  for (const row of rows) {
    const list = ports.get(row.container_id) ?? [];
    list.push(toPort(row));
    ports.set(row.container_id, list);
  }
  return ports;
}

/** What a running container has published. */
export function portsOf(database: Database, containerId: string): PublishedPort[] {
  return database
    .query<PortRow, [string]>(
      "select * from port where container_id = ? order by container_port, protocol, host_address",
    )
    .all(containerId)
    .map(toPort);
}

/** Whether a container in the network has published IPv4 ports. */
export function hasPorts(database: Database, networkId: string): boolean {
  return (
    database
      .query(
        `select 1 from port join attachment using (container_id)
         where network_id = ? and live is not null and host_address not like '%:%' limit 1`,
      )
      .get(networkId) !== null
  );
}

/** The id of another container that holds one of these ports; addresses that cover each other collide. */
export function portHolder(
  database: Database,
  containerId: string,
  port: PublishedPort,
): string | undefined {
  const wildcard = port.hostAddress.includes(":") ? "::" : "0.0.0.0";
  const isWildcard = port.hostAddress === wildcard;
  const rows = database
    .query<PortRow, [string, number, number, string]>(
      `select * from port where protocol = ? and host_port < ? and host_port + count > ?
       and container_id <> ?`,
    )
    .all(port.protocol, port.hostPort + port.count, port.hostPort, containerId);
  return rows.find(
    ({ host_address: other }) =>
      other === port.hostAddress ||
      other === wildcard ||
      (isWildcard && other.includes(":") === wildcard.includes(":")),
  )?.container_id;
}

/** Notes what a container publishes from now on. */
export function addPorts(
  database: Database,
  containerId: string,
  ports: readonly PublishedPort[],
): void {
  const insert = database.query(
    `insert or replace into port (container_id, protocol, host_address, host_port, container_port, count)
     values (?, ?, ?, ?, ?, ?)`,
  );
  for (const port of ports) {
    insert.run(
      containerId,
      port.protocol,
      port.hostAddress,
      port.hostPort,
      port.containerPort,
      port.count,
    );
  }
}
