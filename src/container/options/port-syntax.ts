/** What `--publish` takes: `[[IP:][HOSTPORT]:]PORT[/PROTOCOL]`, with ranges (docker-run(1), podman-run(1)). */
import { canonicalAddress } from "../../network/address.ts";
import type { PortRequest } from "../spec.ts";

interface Range {
  readonly first: number;
  readonly count: number;
}

/** Throws an Error that says what is wrong. */
export function parsePublish(text: string): PortRequest[] {
  const { head, protocols } = splitProtocol(text);
  const { address, rest } = splitAddress(head);
  const parts = rest.split(":");
  const containerText = parts.at(-1) ?? "";
  const hostText = parts.length > 1 ? (parts.at(-2) ?? "") : "";
  if (parts.length > 2) throw new Error("must be [[IP:]HOSTPORT:]PORT[/PROTOCOL]");
  const inside = parseRange(containerText, "container");
  const host = hostText === "" ? null : parseRange(hostText, "host");
  if (host !== null && host.count !== inside.count && inside.count !== 1)
    throw new Error(`${host.count} host ports cannot lead to ${inside.count} container ports`);
  return protocols.map((protocol) => ({
    hostAddress: address,
    // 0 asks for any free one, as docker and bind(2) understand it
    hostPort: host === null || host.first === 0 ? null : host.first,
    choices: host !== null && inside.count === 1 ? host.count : 1,
    containerPort: inside.first,
    count: inside.count,
    protocol,
  }));
}

function splitProtocol(text: string): { head: string; protocols: PortRequest["protocol"][] } {
  const [head = "", name = "tcp", more] = text.split("/");
  const protocols = name.toLowerCase().split(",");
  if (more !== undefined) throw new Error("must have one /PROTOCOL");
  return {
    head,
    protocols: protocols.map((protocol) => {
      if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp")
        throw new Error(`unknown protocol "${protocol}": tcp, udp or sctp`);
      return protocol;
    }),
  };
}

/** IPv6 stands in brackets, since its own colons would be taken for others. */
function splitAddress(text: string): { address: string | null; rest: string } {
  const bracketed = /^\[([^\]]*)\]:(.*)$/s.exec(text);
  if (bracketed !== null)
    return { address: canonicalAddress(bracketed[1] ?? ""), rest: bracketed[2] ?? "" };
  const parts = text.split(":");
  if (parts.length <= 2) return { address: null, rest: text };
  if (parts.length > 3) throw new Error("an IPv6 address must stand in [brackets]");
  const [address = "", ...rest] = parts;
  return { address: address === "" ? null : canonicalAddress(address), rest: rest.join(":") };
}

function parseRange(text: string, where: "container" | "host"): Range {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) throw new Error(`"${text}" is no ${where} port`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  const lowest = where === "container" ? 1 : 0;
  if (first < lowest || last > 65535 || (first === 0 && last !== 0))
    throw new Error(`${where} port "${text}" is out of range: 1 to 65535`);
  if (last < first) throw new Error(`${where} port range "${text}" runs backwards`);
  return { first, count: last - first + 1 };
}

/** `80`, `80/udp`, `8000-8010/tcp`: what `--expose` and an image's ExposedPorts name. */
export function parseExposed(
  text: string,
): Pick<PortRequest, "containerPort" | "count" | "protocol"> {
  const { head, protocols } = splitProtocol(text);
  const { first, count } = parseRange(head, "container");
  return { containerPort: first, count, protocol: protocols[0] ?? "tcp" };
}
