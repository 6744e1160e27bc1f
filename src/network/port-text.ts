/** Ports as `ps` writes them. Pure. */
import type { PublishedPort } from "./model.ts";

const bracketed = (address: string) => (address.includes(":") ? `[${address}]` : address);

const range = (first: number, count: number) =>
  count === 1 ? `${first}` : `${first}-${first + count - 1}`;

/** `0.0.0.0:8080->80/tcp`, as both peers write it. */
export function portText(port: PublishedPort): string {
  const { hostAddress, hostPort, containerPort, count, protocol } = port;
  return `${bracketed(hostAddress)}:${range(hostPort, count)}->${range(containerPort, count)}/${protocol}`;
}

/** The column PORTS: what is published, then what is only exposed. */
export function portsText(exposed: readonly string[], ports: readonly PublishedPort[]): string {
  const isPublished = (one: string) =>
    ports.some(
      ({ containerPort, count, protocol }) =>
        one === `${containerPort}/${protocol}` ||
        one === `${range(containerPort, count)}/${protocol}`,
    );
  return [...ports.map(portText), ...exposed.filter((one) => !isPublished(one))].join(", ");
}
