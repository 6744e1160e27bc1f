/** `system service`: the REST API. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Address } from "../../api/serve.ts";
import { CooperError, messageOf } from "../../errors.ts";
import { flagSwitch, integer, path, string } from "../../option.ts";
import { groupNumber, inheritedSockets } from "../../system/listener.ts";
import { defineCommand } from "../command.ts";
import { tell } from "../output.ts";

interface TlsFiles {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export const service = defineCommand({
  summary: "Answer Docker's API and Podman's on a socket",
  usage: "[unix://PATH|tcp://HOST:PORT|fd://]",
  description:
    "Their clients then work with Cooper: DOCKER_HOST=unix://PATH docker ps, podman --remote --url unix://PATH ps. Nothing lives in the service: " +
    "it may be ended at any time, and ends by itself when nobody asks. Sockets that systemd hands over are taken.",
  examples: [
    "cooper system service --time 0",
    "cooper system service unix:///tmp/cooper.sock",
    "cooper system service --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem tcp://0.0.0.0:2376",
  ],
  options: {
    time: {
      flag: "--time",
      short: "-t",
      type: { ...integer, placeholder: "SECONDS" },
      help: "End after so long without a request; 0: never",
      defaultText: "5",
    },
    group: {
      flag: "--group",
      type: { ...string, placeholder: "GROUP" },
      help: "Group that may use the socket, and so may do all that root may",
    },
    ca: {
      flag: "--tlscacert",
      type: { ...path, placeholder: "FILE" },
      help: "tcp: authority that the certificates of clients are from",
    },
    certificate: {
      flag: "--tlscert",
      type: { ...path, placeholder: "FILE" },
      help: "tcp: certificate of the service",
    },
    key: {
      flag: "--tlskey",
      type: { ...path, placeholder: "FILE" },
      help: "tcp: its key",
    },
    anyone: {
      flag: "--allow-anyone",
      type: flagSwitch,
      help: "tcp without certificates: whoever reaches the port may do all that you may",
    },
  },
  args: { min: 0, max: 1 },
  completes: "none",
  isHere: true,
  async run({ global, args, options }) {
    const idleSeconds = options.time ?? 5;
    if (idleSeconds < 0) throw new CooperError("invalid-argument", "--time must not be negative");
    const { openEngine } = await import("../../engine.ts");
    const engine = openEngine(global);
    const { host } = engine;
    const inherited = inheritedSockets();
    const place = args[0] ?? (inherited.length > 0 ? "fd://" : undefined);
    const addresses = addressesOf(place ?? `unix://${join(host.paths.run, "cooper.sock")}`, {
      inherited,
      group: options.group,
      tls: { ca: options.ca, certificate: options.certificate, key: options.key },
      allowsAnyone: options.anyone ?? false,
    });
    const { runService } = await import("../../api/serve.ts");
    const ending = new AbortController();
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
      process.on(name, () => ending.abort());
    // one client's trouble is not the others' end
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (error) => host.warn(`unexpected: ${messageOf(error)}`));
    process.chdir("/"); // no file system is held by where we were started
    await runService(
      engine,
      {
        addresses,
        idleSeconds,
        onListening() {
          if (inherited.length === 0) tell(`Listening on ${place ?? addressText(addresses)}\n`);
        },
      },
      ending.signal,
    );
  },
});

const addressText = (addresses: readonly Address[]) =>
  addresses.map((address) => (address.kind === "unix" ? `unix://${address.path}` : "")).join("");

interface Asked {
  readonly inherited: readonly number[];
  readonly group: string | undefined;
  readonly tls: TlsFiles;
  readonly allowsAnyone: boolean;
}

function addressesOf(text: string, asked: Asked): Address[] {
  const [, scheme, rest = ""] = /^(unix|tcp|fd):\/\/(.*)$/.exec(text) ?? [];
  switch (scheme) {
    case "unix":
      if (!rest.startsWith("/"))
        throw new CooperError("invalid-argument", `${text}: the path must be absolute`);
      return [
        {
          kind: "unix",
          path: rest,
          gid: asked.group === undefined ? null : groupNumber(asked.group),
        },
      ];
    case "fd": {
      const asks = rest === "" ? asked.inherited : [Number(rest)];
      const descriptors = asks.filter((descriptor) => asked.inherited.includes(descriptor));
      if (descriptors.length === 0)
        throw new CooperError(
          "invalid-argument",
          `${text}: systemd has handed over no such socket`,
        );
      return descriptors.map((descriptor) => ({ kind: "fd", descriptor }));
    }
    case "tcp":
      return [tcpAddress(text, rest, asked)];
    default:
      throw new CooperError(
        "invalid-argument",
        `"${text}" is no place to listen: unix://PATH, tcp://HOST:PORT or fd://`,
      );
  }
}

function tcpAddress(text: string, rest: string, { tls, allowsAnyone }: Asked): Address {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:[\]]+):(\d{1,5})$/.exec(rest);
  if (match === null) throw new CooperError("invalid-argument", `${text}: must be tcp://HOST:PORT`);
  const [, hostname = "", port = ""] = match;
  const { ca, certificate, key } = tls;
  if (ca === undefined || certificate === undefined || key === undefined) {
    if (allowsAnyone && ca === undefined && certificate === undefined && key === undefined)
      return {
        kind: "tcp",
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: Number(port),
        tls: null,
      };
    throw new CooperError(
      "invalid-argument",
      "on a network clients must show a certificate: give --tlscacert, --tlscert and --tlskey",
      { hint: "without them whoever reaches the port is you: that takes --allow-anyone" },
    );
  }
  if (allowsAnyone)
    throw new CooperError("invalid-argument", "--allow-anyone and certificates exclude each other");
  return {
    kind: "tcp",
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
    tls: {
      ca: read(ca),
      cert: read(certificate),
      key: read(key),
      requestCert: true,
      rejectUnauthorized: true,
    },
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new CooperError("invalid-argument", `cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
