/** hosts(5) of a container. Pure. */
import { CooperError } from "../errors.ts";
import type { NetworkFacts } from "./networkless.ts";

/** Names that lead to the host, podman's and Docker's. */
const hostNames = ["host.containers.internal", "host.docker.internal"];

/** What the file is made of. */
export interface HostsInput {
  /** `NAME[;NAME]:ADDRESS` or `NAME:host-gateway`, as asked. */
  readonly extraHosts: readonly string[];
  /** Lines of the file that it begins with. */
  readonly base: string;
  readonly hostname: string;
  readonly name: string;
  readonly facts: NetworkFacts;
}

/** What was asked comes first, since the first line with a name counts. */
export function hostsText({ extraHosts, base, hostname, name, facts }: HostsInput): string {
  const extra = extraHosts.map((text) => extraLine(text, facts));
  const baseLines = base.split("\n").filter((line) => line.trim() !== "");
  const lines = [...extra, ...baseLines];
  const isNamed = (wanted: string) =>
    extra.some((line) => line.split(/\s+/).slice(1).includes(wanted));
  const toHost = hostNames.filter((one) => !isNamed(one));
  if (!lines.some((line) => /^\s*127\.0\.0\.1\s.*\blocalhost\b/.test(line)))
    lines.push("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback");
  if (facts.hostAddress !== null && toHost.length > 0)
    lines.push(`${facts.hostAddress}\t${toHost.join(" ")}`);
  lines.push(...ownLines(facts, hostname, name));
  return `${lines.join("\n")}\n`;
}

function extraLine(text: string, { hostAddress }: NetworkFacts): string {
  const colon = text.indexOf(":");
  const names = text.slice(0, colon).split(";").join(" ");
  const address = text.slice(colon + 1);
  if (address !== "host-gateway") return `${address}\t${names}`;
  if (hostAddress !== null) return `${hostAddress}\t${names}`;
  throw new CooperError(
    "invalid-argument",
    `--add-host ${text}: no address leads to the host from this container's network`,
  );
}

/** Its own names; without a network they are its loopback's, apart from localhost with the host's. */
function ownLines({ addresses, isShared }: NetworkFacts, hostname: string, name: string): string[] {
  const names = hostname === name ? name : `${hostname} ${name}`;
  if (addresses.length > 0) return addresses.map((address) => `${address}\t${names}`);
  return [`${isShared ? "127.0.1.1" : "127.0.0.1"}\t${names}`];
}
