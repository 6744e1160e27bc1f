/** Containers out of what Docker's API says of them: the inverse of `container.ts`. Pure. */
import type { ListedContainer } from "../../container/listed.ts";
import type { ContainerState } from "../../container/record.ts";
import type { PublishedPort } from "../../network/model.ts";
import { portsText } from "../../network/port-text.ts";
import {
  flag,
  hex,
  type Json,
  names,
  number,
  objects,
  ownPart,
  pairs,
  text,
  texts,
} from "./reading.ts";

/** What the API's own fields do not tell: sent to clients that are Coopers themselves. */
const ownFields = [
  "image",
  "command",
  "createdAt",
  "startedAt",
  "finishedAt",
  "state",
  "status",
  "pid",
  "exitCode",
  "restartCount",
  "health",
  "labels",
  "mounts",
  "volumeCount",
  "networks",
  "publishedPorts",
  "exposedPorts",
  "namespaces",
  "platform",
  "removesItself",
  "staysStopped",
] as const;

/** That part of an item of a list. */
export function ownContainer(container: ListedContainer): Json {
  return Object.fromEntries(ownFields.map((field) => [field, container[field]]));
}

/** An item of `/containers/json`. @param names how the engine writes names of images */
export function readContainer(item: Json, fullName: (name: string) => string): ListedContainer {
  const id = hex(item.Id);
  const own = ownPart(item);
  const base = {
    id,
    name: (names(item.Names).find((name) => !name.slice(1).includes("/")) ?? "").replace(/^\//, ""),
    imageId: hex(item.ImageID),
  };
  if (own !== undefined) return { ...base, ...readOwn(own) };
  const { publishedPorts, exposedPorts } = readPorts(item.Ports);
  const status = text(item.Status);
  const state = text(item.State) as ContainerState;
  const image = text(item.Image);
  const createdAt = number(item.Created) * 1000;
  return {
    ...base,
    // what is named by its id has no other name
    image: /^(sha256:)?[0-9a-f]{12,64}$/.test(image) ? image : fullName(image),
    command: wordsOf(text(item.Command)),
    createdAt,
    startedAt: state === "running" ? createdAt : 0,
    finishedAt: 0,
    state,
    status: state === "paused" ? "Paused" : status,
    pid: number(item.Pid),
    isActive: isActive(state),
    exitCode: Number(/^Exited \((\d+)\)/.exec(status)?.[1] ?? 0),
    restartCount: 0,
    health: /\((?:health: )?(healthy|unhealthy|starting)\)$/.exec(status)?.[1] ?? null,
    labels: pairs(item.Labels),
    mounts: objects(item.Mounts).map((mount) =>
      text(mount.Type) === "volume" ? text(mount.Name) : text(mount.Source),
    ),
    volumeCount: objects(item.Mounts).filter(({ Type }) => Type === "volume").length,
    networks: networkNames(item),
    publishedPorts,
    exposedPorts,
    ports: portsText(exposedPorts, publishedPorts),
    namespaces: {},
    platform: "",
    removesItself: false,
    staysStopped: false,
  };
}

function readOwn(own: Json): Omit<ListedContainer, "id" | "name" | "imageId"> {
  const publishedPorts = objects(own.publishedPorts).map(
    (port): PublishedPort => ({
      hostAddress: text(port.hostAddress),
      hostPort: number(port.hostPort),
      containerPort: number(port.containerPort),
      count: number(port.count),
      protocol: protocolOf(port.protocol),
    }),
  );
  const exposedPorts = texts(own.exposedPorts);
  const state = text(own.state) as ContainerState;
  const isUp = ["running", "paused", "initialized"].includes(state);
  return {
    image: text(own.image),
    command: texts(own.command),
    createdAt: number(own.createdAt),
    startedAt: number(own.startedAt),
    finishedAt: number(own.finishedAt),
    state,
    status: text(own.status),
    pid: number(own.pid),
    isActive: isActive(state),
    exitCode: number(own.exitCode),
    restartCount: number(own.restartCount),
    health: text(own.health) || null,
    labels: pairs(own.labels),
    mounts: texts(own.mounts),
    volumeCount: number(own.volumeCount),
    networks: texts(own.networks),
    publishedPorts,
    exposedPorts,
    ports: isUp ? portsText(exposedPorts, publishedPorts) : "",
    namespaces: pairs(own.namespaces),
    platform: text(own.platform),
    removesItself: flag(own.removesItself),
    staysStopped: flag(own.staysStopped),
  };
}

const isActive = (state: string) => ["running", "paused", "restarting"].includes(state);

const protocolOf = (value: unknown): PublishedPort["protocol"] =>
  value === "udp" || value === "sctp" ? value : "tcp";

function networkNames(item: Json): string[] {
  const { Networks } = (item.NetworkSettings ?? {}) as Json;
  return Object.keys((Networks ?? {}) as Json);
}

/** The inverse of a command line in which words with blanks stand in quotes. */
function wordsOf(line: string): string[] {
  return (line.match(/'[^']*'|"(?:[^"\\]|\\.)*"|\S+/g) ?? []).map((word) =>
    /^(['"]).*\1$/s.test(word) ? word.slice(1, -1) : word,
  );
}

/** Single ports in a row become the ranges that they were published as. */
export function readPorts(value: unknown): {
  publishedPorts: PublishedPort[];
  exposedPorts: string[];
} {
  const publishedPorts: PublishedPort[] = [];
  const exposedPorts: string[] = [];
  for (const port of objects(value)) {
    const protocol = protocolOf(port.Type);
    const containerPort = number(port.PrivatePort);
    const hostPort = number(port.PublicPort);
    if (hostPort === 0) {
      exposedPorts.push(`${containerPort}/${protocol}`);
      continue;
    }
    const hostAddress = text(port.IP);
    const last = publishedPorts.at(-1);
    if (
      last !== undefined &&
      last.hostAddress === hostAddress &&
      last.protocol === protocol &&
      last.hostPort + last.count === hostPort &&
      last.containerPort + last.count === containerPort
    ) {
      publishedPorts[publishedPorts.length - 1] = { ...last, count: last.count + 1 };
    } else publishedPorts.push({ hostAddress, hostPort, containerPort, count: 1, protocol });
  }
  return { publishedPorts, exposedPorts };
}
