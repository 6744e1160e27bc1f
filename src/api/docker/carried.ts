/** What of a ContainerSpec the body of `create` holds, and what would be lost on the way. Pure. */
import { type ContainerSpec, plainNetworkRequest } from "../../container/spec.ts";
import { Document } from "../document.ts";
import { bodyOf, singlePorts } from "./body.ts";
import { specOf } from "./spec.ts";

/** What goes another way: in the query, by pulling, by attaching. */
const elsewhere = new Set([
  "name",
  "platform",
  "pull",
  "attach",
  "closesStdin",
  "removesImage",
  "passesProxies",
]);

/** Names of fields that a service would not read back as they are: `umask`, `networking.hostsFile`. */
export function lostFields(spec: ContainerSpec): string[] {
  const body: unknown = JSON.parse(JSON.stringify(bodyOf(spec)));
  const read = specOf(new Document(body), { name: null, platform: null }).spec;
  return differences(canonical(spec), canonical(read)).filter(
    (path) => !elsewhere.has(path.split(".")[0] ?? ""),
  );
}

/** The same thing in one form: ports one by one and mounts, each in an order of their own. */
export function canonical(spec: ContainerSpec): ContainerSpec {
  const { networking } = spec;
  const ports = networking.ports
    .flatMap(singlePorts)
    .sort((a, b) => a.containerPort - b.containerPort || (a.hostPort ?? 0) - (b.hostPort ?? 0));
  const isPublished = (port: string) =>
    ports.some(({ containerPort, protocol }) => `${containerPort}/${protocol}` === port);
  const expose = networking.expose
    .map((port) => (port.includes("/") ? port : `${port}/tcp`))
    .filter((port) => !isPublished(port));
  return {
    ...spec,
    mounts: spec.mounts.toSorted((a, b) => (a.target < b.target ? -1 : 1)),
    networking: alone({ ...networking, ports, expose }),
  };
}

/** What is asked for the one network is asked of that network. */
function alone(networking: ContainerSpec["networking"]): ContainerSpec["networking"] {
  const { networks, addresses, macAddress, aliases, mode } = networking;
  const hasOwn = addresses.length > 0 || macAddress !== null || aliases.length > 0;
  if (!hasOwn || (mode.kind !== "bridge" && mode.kind !== "default")) return networking;
  const first = networks[0] ?? plainNetworkRequest("bridge");
  const all = [first, ...networks.slice(1)].map((network, at) => ({
    ...network,
    addresses: at === 0 ? [...network.addresses, ...addresses] : network.addresses,
    macAddress: network.macAddress ?? (at === 0 ? macAddress : null),
    aliases: [...network.aliases, ...aliases],
  }));
  return {
    ...networking,
    mode: { kind: "bridge" },
    networks: all,
    addresses: [],
    macAddress: null,
    aliases: [],
  };
}

function differences(one: object, other: object, place = ""): string[] {
  const right = other as Readonly<Record<string, unknown>>;
  return Object.entries(one).flatMap(([key, value]) => {
    const path = `${place}${key}`;
    const isPart =
      value !== null && typeof value === "object" && !Array.isArray(value) && isPlace.has(path);
    if (isPart) return differences(value, right[key] as object, `${path}.`);
    return Bun.deepEquals(value, right[key]) ? [] : [path];
  });
}

/** Fields whose own fields are told. */
const isPlace = new Set(["resources", "networking", "health", "log"]);
