/** Filters of `ps`, `rm`, `stop`, `prune`…: `key=value` as docker-ps(1) and podman-ps(1) know them. */
import { CooperError } from "../errors.ts";
import { hasPair } from "../filter.ts";
import type { Host } from "../host.ts";
import { parseMoment } from "../moment.ts";
import { resolveContainer } from "../records/containers.ts";
import { labelsOf } from "./process-of.ts";
import { exposedPorts } from "./published.ts";
import { startsOnBoot } from "./restart-policy.ts";
import type { ContainerSummary } from "./summary.ts";

type Test = (container: ContainerSummary, value: string) => boolean;

/** Values of one key are alternatives, different keys must all hold; labels must all hold. */
export function containerFilter(
  host: Host,
  filters: readonly string[],
): (container: ContainerSummary) => boolean {
  const byKey = new Map<string, string[]>();
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    if (equals <= 0)
      throw new CooperError("invalid-argument", `invalid filter "${filter}": it must be key=value`);
    const key = filter.slice(0, equals);
    byKey.set(key, [...(byKey.get(key) ?? []), filter.slice(equals + 1)]);
  }
  const tests = [...byKey].map(([key, values]) => {
    const test = testFor(host, key);
    const isAll = ["label", "label!", "annotation"].includes(key);
    return (container: ContainerSummary) =>
      isAll
        ? values.every((value) => test(container, value))
        : values.some((value) => test(container, value));
  });
  return (container) => tests.every((test) => test(container));
}

function testFor(host: Host, key: string): Test {
  switch (key) {
    case "id":
      return ({ record }, value) => record.id.startsWith(value) || matches(record.id, value);
    case "name":
      return ({ record }, value) => matches(record.name, value);
    case "status":
      return ({ state }, value) => statusIs(state, value);
    case "exited":
      return ({ state, exitCode }, value) => state === "exited" && exitCode === whole(key, value);
    case "label":
      return (container, value) => hasLabel(container, value);
    case "annotation":
      return ({ record }, value) => hasPair(record.spec.annotations, value);
    case "label!":
      return (container, value) => !hasLabel(container, value);
    case "ancestor":
      return ({ record }, value) =>
        isAncestor(record.imageId ?? "", record.resolved.imageName, value);
    case "before":
    case "since":
      return createdBeside(host, key);
    case "until":
      return ({ record }, value) => record.createdAt < parseMoment(value);
    case "volume":
      return (container, value) =>
        container.mounts.includes(value) ||
        container.record.spec.mounts.some((mount) => mount.target === value);
    case "network":
      return (container, value) => container.networks.includes(value);
    case "publish":
      return ({ publishedPorts }, value) =>
        publishedPorts.some((port) => isWithin(port.containerPort, port, value));
    case "expose":
      return ({ record }, value) => exposedPorts(record).some((port) => isExposed(port, value));
    case "command":
      return ({ command }, value) => command[0] === value;
    case "restart-policy":
      return ({ record }, value) => record.spec.restart.policy === value;
    case "should-start-on-boot":
      return ({ record }, value) => startsOnBoot(record) === truth(key, value);
    case "health":
      return ({ health }, value) => (health ?? "none") === value;
    case "is-task":
    case "pod":
      return (_, value) => value === "false" || value === "";
    default:
      throw new CooperError("invalid-argument", `unknown filter "${key}"`, {
        hint: "id, name, status, label, annotation, ancestor, before, since, until, exited, volume, network, publish, expose, command, restart-policy, should-start-on-boot, health",
      });
  }
}

/** A regular expression, as both peers take it; bounded by length, since it comes from outside. */
function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern.slice(0, 256).replace(/^\^?\//, "^")).test(text);
  } catch {
    throw new CooperError("invalid-argument", `invalid pattern "${pattern}" in a filter`);
  }
}

function statusIs(state: string, value: string): boolean {
  const known = [
    "created",
    "initialized",
    "running",
    "paused",
    "stopping",
    "exited",
    "stopped",
    "removing",
    "restarting",
    "dead",
    "unknown",
  ];
  if (!known.includes(value)) {
    throw new CooperError("invalid-argument", `unknown status "${value}"`, {
      hint: known.join(", "),
    });
  }
  return state === value || (state === "exited" && value === "stopped");
}

/** docker-ps(1), `publish`, `expose`: `80`, `80-90`, with `/tcp` where nothing else is said. */
function isWithin(
  first: number,
  { count, protocol }: { readonly count: number; readonly protocol: string },
  value: string,
): boolean {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(value);
  if (match === null) {
    throw new CooperError(
      "invalid-argument",
      `"${value}" in a filter is no port: PORT[-PORT][/tcp]`,
    );
  }
  const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
  return (match[3] ?? "tcp") === protocol && first <= to && first + count - 1 >= from;
}

function isExposed(exposed: string, value: string): boolean {
  const [ports = "", protocol = "tcp"] = exposed.split("/");
  const [first = 0, last = first] = ports.split("-").map(Number);
  return isWithin(first, { count: last - first + 1, protocol }, value);
}

function truth(key: string, value: string): boolean {
  if (value !== "true" && value !== "false")
    throw new CooperError("invalid-argument", `filter ${key}: "${value}" is not true or false`);
  return value === "true";
}

function whole(key: string, value: string): number {
  if (!/^-?\d+$/.test(value))
    throw new CooperError("invalid-argument", `filter ${key}: "${value}" is not a whole number`);
  return Number(value);
}

function hasLabel({ record }: ContainerSummary, filter: string): boolean {
  const equals = filter.indexOf("=");
  const labels = labelsOf(record.spec, record.resolved.imageConfig);
  const key = equals < 0 ? filter : filter.slice(0, equals);
  if (!Object.hasOwn(labels, key)) return false;
  return equals < 0 || labels[key] === filter.slice(equals + 1);
}

function isAncestor(imageId: string, imageName: string, value: string): boolean {
  const id = value.replace(/^sha256:/, "");
  if (/^[0-9a-f]{4,64}$/.test(id) && imageId.startsWith(id)) return true;
  const bare = imageName.replace(/:[^:/]+$/, "");
  return [imageName, bare].some((name) => name === value || name.endsWith(`/${value}`));
}

function createdBeside(host: Host, key: "before" | "since"): Test {
  return ({ record }, value) => {
    const other = resolveContainer(host.database, value);
    return key === "before"
      ? record.createdAt < other.createdAt
      : record.createdAt > other.createdAt;
  };
}
