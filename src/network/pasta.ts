/**
 * pasta(1): a process that carries packets between a network namespace and ordinary sockets of the host.
 * It keeps the address of who connects to a published port, for TCP and UDP, unless that is one of the
 * host's own: those come from the gateway.
 */
import { rmSync } from "node:fs";
import { CooperError } from "../errors.ts";
import { helperEnvironment } from "../system/daemon.ts";
import type { NetSetting } from "../system/netns.ts";
import { needProgram } from "../system/program.ts";
import type { PublishedPort } from "./model.ts";

/** What this pasta can do that older ones cannot. */
export interface PastaFeatures {
  /** `--map-guest-addr` (2024-08): an address that leads to the host's own, which the container shares. */
  readonly mapsGuestAddress: boolean;
}

/** Leads to the host, where pasta can map it; the same address as Podman's. */
export const mappedHostAddress = "169.254.1.2";
/** pasta's own resolver: what is sent there goes to the host's first one. Podman's address again. */
export const forwardedDns = "169.254.1.1";

/**
 * A ruleset for the namespace: pastas before 2023-04 answer a refused connection with a reset that lacks
 * the mark of an answer, which the kernel ignores, so that the program inside would wait for minutes.
 */
export const markedResets = `
table inet cooper_resets {
  chain incoming {
    type filter hook prerouting priority raw - 10; policy accept;
    tcp flags & (rst | ack) == rst tcp flags set rst | ack
  }
}
`;

/**
 * Settings of a namespace whose senders go through pasta. Where the machine sends by BBR, which paces,
 * pasta takes more than it can pass on and drops it: measured 0.04 to 0.6 Gbit/s, with a smaller
 * buffer 1.3 to 7; with cubic it makes no difference.
 */
export function senderSettings(congestionControl: string | undefined): NetSetting[] {
  return congestionControl === "bbr" ? [["ipv4/tcp_wmem", "4096 16384 524288"]] : [];
}

/** Where an older pasta cannot map an address to the host: another one than the host's for the container. */
export interface OwnAddresses {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  /** Left out: the host's, where it has any. */
  readonly ipv6?: { readonly address: string; readonly gateway: string };
}

/** How one pasta is started. */
export interface PastaPlan {
  readonly netns: string;
  readonly pidFile: string;
  /** Arguments as the user spells them; they take the place of ours. */
  readonly words: readonly string[];
  readonly features: PastaFeatures;
  readonly ports: readonly PublishedPort[];
  /** null: pasta copies the host's. */
  readonly own: OwnAddresses | null;
  /** Name of its link in the namespace; null: as the host's. */
  readonly link: string | null;
  /** Whether pasta brings its link up, with addresses and routes; left out: it does. */
  readonly configuresLink?: boolean;
  /** Whether `forwardedDns` answers. */
  readonly forwardsDns: boolean;
}

/** What would take a helper out of our hands. */
const ours = new Set([
  "--netns",
  "--userns",
  "--pid",
  "-P",
  "--foreground",
  "-f",
  "--no-netns-quit",
  "--netns-only",
  "--runas",
  "--help",
  "-h",
  "--version",
  "--conf-path",
  "-c",
]);

/** Refuses words that are no options of pasta's, or that are not the user's to set. */
export function checkPastaWords(words: readonly string[]): void {
  const first = words[0];
  if (first !== undefined && !first.startsWith("-"))
    throw new CooperError("invalid-argument", `"${first}" is no option of pasta`, {
      hint: "write them as pasta(1) does: --network pasta:-T,5432,--mtu,1500",
    });
  const refused = words.find((word) => ours.has(word.split("=", 1)[0] ?? ""));
  if (refused !== undefined)
    throw new CooperError("invalid-argument", `pasta's ${refused} is set by cooper itself`);
}

/** pasta's arguments (podman-run(1), `--network pasta`, has the same defaults). */
export function pastaArgs(plan: PastaPlan): string[] {
  const { words } = plan;
  const has = (...names: string[]) =>
    words.some((word) => names.includes(word.split("=", 1)[0] ?? ""));
  const unless = (names: readonly string[], ...add: string[]) => (has(...names) ? [] : add);
  const { own } = plan;
  const ports = (protocol: "tcp" | "udp", short: string, long: string) => {
    const specs = portSpecs(plan.ports.filter((port) => port.protocol === protocol));
    return specs.length === 0
      ? unless([short, long], short, "none")
      : specs.flatMap((spec) => [short, spec]);
  };
  return [
    ...(plan.configuresLink === false ? [] : ["--config-net"]),
    ...words.filter((word) => word !== "--map-gw"), // podman's word for leaving --no-map-gw out
    ...ports("tcp", "-t", "--tcp-ports"),
    ...ports("udp", "-u", "--udp-ports"),
    ...unless(["-T", "--tcp-ns"], "-T", "none"),
    ...unless(["-U", "--udp-ns"], "-U", "none"),
    ...unless(["--map-gw", "--no-map-gw", "--map-host-loopback"], "--no-map-gw"),
    ...(plan.features.mapsGuestAddress
      ? unless(["--map-guest-addr"], "--map-guest-addr", mappedHostAddress)
      : []),
    ...(plan.forwardsDns ? unless(["--dns-forward"], "--dns-forward", forwardedDns) : []),
    ...(own === null ? [] : ["-a", own.address, "-n", `${own.prefixLength}`, "-g", own.gateway]),
    ...(own?.ipv6 === undefined ? [] : ["-a", own.ipv6.address, "-g", own.ipv6.gateway]),
    ...(plan.link === null ? [] : unless(["-I", "--ns-ifname"], "-I", plan.link)),
    ...unless(["--quiet", "-q", "--debug", "-d", "--trace"], "--quiet"),
    "--pid",
    plan.pidFile,
    "--netns",
    plan.netns,
  ];
}

/** Whether the user's words decide which addresses the container has. */
export function choosesAddresses(words: readonly string[]): boolean {
  const names = ["-a", "--address", "-g", "--gateway", "-n", "--netmask", "-i", "--interface"];
  return words.some((word) => names.includes(word.split("=", 1)[0] ?? ""));
}

/** `[ADDRESS/]FIRST[-LAST]:FIRST[-LAST]`; without an address it is every one of both families. */
function portSpecs(ports: readonly PublishedPort[]): string[] {
  const range = (first: number, count: number) =>
    count === 1 ? `${first}` : `${first}-${first + count - 1}`;
  const specs = ports.map(({ hostAddress, hostPort, containerPort, count }) => ({
    hostAddress,
    spec: `${range(hostPort, count)}:${range(containerPort, count)}`,
  }));
  // older ones refuse to be told of a port twice, so both families are one specification
  const isBoth = (spec: string) =>
    ["0.0.0.0", "::"].every((any) =>
      specs.some((other) => other.spec === spec && other.hostAddress === any),
    );
  return specs.flatMap(({ hostAddress, spec }) => {
    if (!isBoth(spec) || (hostAddress !== "0.0.0.0" && hostAddress !== "::"))
      return [`${hostAddress}/${spec}`];
    return hostAddress === "0.0.0.0" ? [spec] : [];
  });
}

/** Thrown when pasta finds no interface of the host to take addresses from: older ones need one. */
export class NoInterface extends CooperError {}

/** Starts pasta; resolves once it carries packets. It ends by itself when the file `netns` is removed. */
export async function startPasta(plan: PastaPlan): Promise<void> {
  rmSync(plan.pidFile, { force: true });
  const argv = [needProgram("pasta"), ...pastaArgs(plan)];
  // it goes to the background once it is ready, and lets go of stderr then
  const child = Bun.spawn(argv, {
    cwd: "/",
    env: helperEnvironment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [stderr, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode === 0) return;
  const said = pastaMessage(stderr);
  if (
    /no external routable interface|external interface not usable|pick external interface/i.test(
      said,
    )
  )
    throw new NoInterface("helper-failed", `pasta: ${said}`);
  if (/overlapping port/i.test(said)) {
    throw new CooperError(
      "not-supported",
      "this version of pasta publishes a port number on one address, or on all of them",
      { hint: "install a newer passt, or choose another port number", cause: said },
    );
  }
  throw new CooperError("helper-failed", `pasta: ${said || `exit status ${exitCode}`}`, {
    ...(/tun/i.test(said) && {
      hint: "the device /dev/net/tun must be there and open to everybody: sudo chmod 0666 /dev/net/tun",
    }),
    cause: argv.join(" "),
  });
}

/** What it complains about, without its complaints that there is no system log. */
export function pastaMessage(stderr: string): string {
  return stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/syslog|AVX2/i.test(line))
    .join("; ")
    .slice(0, 500);
}

/** Asks pasta what it can do; a few milliseconds, so the answer is worth remembering. */
export function probePasta(file: string): PastaFeatures {
  const { stdout, stderr } = Bun.spawnSync([file, "--help"], {
    env: helperEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return featuresIn(`${stdout}${stderr}`);
}

/** What its help says that it can do. */
export function featuresIn(help: string): PastaFeatures {
  return { mapsGuestAddress: help.includes("--map-guest-addr") };
}
