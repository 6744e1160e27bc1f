/**
 * slirp4netns(1): the older way out of a network namespace for ordinary users: slower than pasta, but with
 * addresses of its own. It forwards published ports itself and keeps the address of who connects, except
 * for connections from the host, which come from the gateway.
 */
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { CooperError } from "../errors.ts";
import { helperEnvironment } from "../system/daemon.ts";
import { makePipe, readLine } from "../system/pipe.ts";
import { needProgram } from "../system/program.ts";
import { formatAddress, parseCidr } from "./address.ts";
import type { PublishedPort } from "./model.ts";

/** Its options as podman-run(1) spells them. */
export interface SlirpOptions {
  readonly allowsHostLoopback: boolean;
  readonly mtu: number;
  readonly cidr: string;
  readonly hasIpv6: boolean;
  readonly outboundAddress: string | null;
  readonly outboundAddress6: string | null;
}

const bools: Record<string, boolean> = { true: true, false: false };

/** Reads `KEY=VALUE` words; throws a CooperError that names the one that is wrong. */
export function parseSlirpOptions(words: readonly string[]): SlirpOptions {
  let options: SlirpOptions = {
    allowsHostLoopback: false,
    mtu: 65520,
    cidr: "10.0.2.0/24",
    hasIpv6: true,
    outboundAddress: null,
    outboundAddress6: null,
  };
  for (const word of words) {
    const [key = "", value = ""] = word.split(/=(.*)/s, 2);
    options = { ...options, ...readSlirpOption(key, value, word) };
  }
  return options;
}

function readSlirpOption(key: string, value: string, word: string): Partial<SlirpOptions> {
  const wrong = (why: string) =>
    new CooperError("invalid-argument", `slirp4netns option "${word}": ${why}`);
  const flag = bools[value];
  switch (key) {
    case "allow_host_loopback":
    case "enable_ipv6":
      if (flag === undefined) throw wrong("must be true or false");
      return key === "enable_ipv6" ? { hasIpv6: flag } : { allowsHostLoopback: flag };
    case "mtu": {
      const mtu = /^\d+$/.test(value) ? Number(value) : 0;
      if (mtu < 68 || mtu > 65521) throw wrong("must be a size from 68 to 65521");
      return { mtu };
    }
    case "cidr": {
      const { prefixLength, family } = parseNetwork(value, wrong);
      if (family !== 4 || prefixLength > 25) throw wrong("must be an IPv4 network of /25 or wider");
      return { cidr: value };
    }
    case "outbound_addr":
    case "outbound_addr6":
      if (!/^[\w.:-]+$/.test(value)) throw wrong("must be an address or the name of a link");
      return key === "outbound_addr" ? { outboundAddress: value } : { outboundAddress6: value };
    case "port_handler":
      if (value === "slirp4netns") return {};
      if (value !== "rootlesskit") throw wrong("must be slirp4netns");
      throw new CooperError(
        "not-supported",
        "port_handler=rootlesskit needs a proxy that cooper does not have",
        {
          hint: "leave it out: slirp4netns forwards ports itself, and keeps the clients' addresses",
        },
      );
    default:
      throw wrong(
        "no such option: allow_host_loopback, cidr, enable_ipv6, mtu, outbound_addr, outbound_addr6, port_handler",
      );
  }
}

function parseNetwork(text: string, wrong: (why: string) => CooperError) {
  try {
    return parseCidr(text);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

/** The addresses of its network (slirp4netns(1), "Default configuration"). */
export function slirpAddresses({ cidr }: Pick<SlirpOptions, "cidr">) {
  const { base, prefixLength } = parseCidr(cidr);
  const at = (offset: bigint) => formatAddress({ family: 4, value: base + offset });
  return { gateway: at(2n), dns: at(3n), container: at(100n), prefixLength };
}

/** How one slirp4netns is started. */
export interface SlirpPlan {
  readonly netns: string;
  readonly pidFile: string;
  readonly apiSocket: string;
  readonly options: SlirpOptions;
  readonly ports: readonly PublishedPort[];
}

/** @param readyFd it writes to it when it carries packets; `exitFd`: it ends when that hangs up */
export function slirpArgs(plan: SlirpPlan, readyFd: number, exitFd: number | null): string[] {
  const { options } = plan;
  return [
    "--configure",
    `--mtu=${options.mtu}`,
    `--cidr=${options.cidr}`,
    "--enable-sandbox",
    "--enable-seccomp",
    ...(options.allowsHostLoopback ? [] : ["--disable-host-loopback"]),
    ...(options.hasIpv6 ? ["--enable-ipv6"] : []),
    ...(options.outboundAddress === null ? [] : [`--outbound-addr=${options.outboundAddress}`]),
    ...(options.outboundAddress6 === null ? [] : [`--outbound-addr6=${options.outboundAddress6}`]),
    ...(plan.ports.length === 0 ? [] : [`--api-socket=${plan.apiSocket}`]),
    `--ready-fd=${readyFd}`,
    ...(exitFd === null ? [] : [`--exit-fd=${exitFd}`]),
    "--netns-type=path",
    plan.netns,
    "tap0",
  ];
}

/**
 * Starts slirp4netns; resolves once it carries packets and forwards the ports.
 *
 * @param exitFd it lives as long as the other end of this pipe is open somewhere; null: until it is ended
 */
export async function startSlirp(plan: SlirpPlan, exitFd: number | null): Promise<void> {
  rmSync(plan.apiSocket, { force: true });
  const ready = makePipe();
  const log = `${plan.pidFile}.log`;
  const logFile = openSync(log, "w", 0o600);
  try {
    // setsid: not of our session, so that Ctrl-C at our terminal does not reach it
    const argv = [
      needProgram("setsid"),
      needProgram("slirp4netns"),
      ...slirpArgs(plan, 3, exitFd === null ? null : 4),
    ];
    const child = Bun.spawn(argv, {
      cwd: "/",
      env: helperEnvironment(),
      stdio: ["ignore", "ignore", logFile, ready.writeEnd, ...(exitFd === null ? [] : [exitFd])],
    });
    child.unref();
    closeSync(ready.writeEnd);
    writeFileSync(plan.pidFile, `${child.pid}\n`);
    if ((await readLine(ready.readEnd, child.exited)) === "") throw await slirpFailure(log);
  } finally {
    closeSync(ready.readEnd);
    closeSync(logFile);
  }
  for (const port of plan.ports) await forwardPort(plan, port);
}

async function slirpFailure(log: string): Promise<CooperError> {
  const said = (await Bun.file(log).text()).trim().split("\n").slice(-3).join("; ");
  return new CooperError("helper-failed", `slirp4netns: ${said || "it ended without a word"}`, {
    ...(/tun/i.test(said) && {
      hint: "the device /dev/net/tun must be there and open to everybody: sudo chmod 0666 /dev/net/tun",
    }),
  });
}

/** slirp4netns(1), "API socket": one request a connection. */
async function forwardPort(plan: SlirpPlan, port: PublishedPort): Promise<void> {
  const { container } = slirpAddresses(plan.options);
  for (let at = 0; at < port.count; at++) {
    const answer = await ask(plan.apiSocket, {
      execute: "add_hostfwd",
      arguments: {
        proto: port.protocol,
        host_addr: port.hostAddress,
        host_port: port.hostPort + at,
        guest_addr: container,
        guest_port: port.containerPort + at,
      },
    });
    if (!("error" in answer)) continue;
    throw new CooperError(
      "conflict",
      `slirp4netns cannot forward port ${port.hostAddress}:${port.hostPort + at}/${port.protocol}: ${JSON.stringify(answer.error)}`,
    );
  }
}

function ask(path: string, request: unknown): Promise<object> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    socket.setEncoding("utf8");
    socket.setTimeout(10_000, () => socket.destroy(new Error("slirp4netns does not answer")));
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("end", () => {
      try {
        const answer: unknown = JSON.parse(text);
        resolve(typeof answer === "object" && answer !== null ? answer : {});
      } catch (cause) {
        reject(new CooperError("helper-failed", `slirp4netns answered "${text}"`, { cause }));
      }
    });
    socket.end(JSON.stringify(request));
  });
}
