/** What programs say of ports, names and the other side. */
import { shellWords } from "../words.ts";
import { type SaidRule, withOptions } from "./said-rule.ts";
import { whoText } from "./who.ts";

/** Rows in the order in which they are tried. */
export const networkWords: readonly SaidRule[] = [
  {
    id: "port-denied",
    pattern:
      /^.*\bbind\b.*(?:permission denied|EACCES)|^.*permission denied.*\bbind|listen EACCES.*?:(\d+)/i,
    when: ({ user, capabilities }) =>
      user.uid !== 0 || !capabilities.includes("CAP_NET_BIND_SERVICE"),
    cause: (_, container) => `${whoText(container)} may not listen on a port below 1024`,
    facts: ({ capabilities }) => [
      capabilities.includes("CAP_NET_BIND_SERVICE")
        ? "CAP_NET_BIND_SERVICE is in the bounding set, and has no effect for a user that is not root"
        : "it does not have CAP_NET_BIND_SERVICE",
    ],
    change: (_, { network }) =>
      network === "host" ? null : withOptions("--sysctl", "net.ipv4.ip_unprivileged_port_start=0"),
    advice: () => "or have it listen on a port from 1024 on, and publish that: -p 80:8080",
  },
  {
    id: "port-taken",
    pattern: /address (?:already )?in use|EADDRINUSE/i,
    cause: (_, { network }) =>
      network === "host"
        ? "the port that it listens on is taken by another process of the host"
        : network.startsWith("container:")
          ? "the port that it listens on is taken by another container of the same network namespace"
          : "two of its own processes listen on the same port",
    facts: ({ network }) => [`network ${network}`],
    cures: (_, { network }) => (network === "host" ? ["ss -ltnp"] : []),
    advice: (_, { network }) =>
      network === "host"
        ? "stop that process, or leave out --network host"
        : network.startsWith("container:")
          ? "have it listen on another port, or give it a network of its own"
          : "start the server once, or have each listen on a port of its own",
  },
  {
    id: "no-network",
    pattern: /network is unreachable|ENETUNREACH|no route to host|EHOSTUNREACH/i,
    when: ({ network }) => network === "none",
    cause: () => "it has no network (--network none)",
    facts: () => ["its network is none"],
    change: (_, { createCommand }) =>
      createCommand.some((word) => /^--net(work)?(=|$)/.test(word))
        ? { options: ["--network", "bridge"], without: ["--network", "--net"] }
        : withOptions("--network", "bridge"),
  },
  {
    id: "no-network-names",
    pattern:
      /bad address|could not resolve|name or service not known|temporary failure in name resolution|getaddrinfo|no such host|EAI_AGAIN|ENOTFOUND|name does not resolve/i,
    when: ({ network }) => network === "none",
    cause: () => "names cannot be looked up, since it has no network (--network none)",
    facts: () => ["its network is none"],
    change: () => ({ options: ["--network", "bridge"], without: ["--network", "--net"] }),
  },
  {
    id: "name-unknown",
    pattern:
      /(?:bad address|could not resolve(?: host)?:?|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|lookup|resolve host|resolving) ['"‘]?([\w.-]+)|name or service not known|temporary failure in name resolution|no such host|name does not resolve/i,
    cause: ([, name]) =>
      `the name ${name === undefined ? "that it asked for" : `"${name}"`} cannot be resolved in the container`,
    facts: ({ network }) => [`network ${network}`],
    cures: (_, { name, state }) =>
      state === "running" ? [`cooper exec ${shellWords([name])} cat /etc/resolv.conf`] : [],
    advice: ([, name]) =>
      name !== undefined && !name.includes(".")
        ? `a container is found by its name in a network that both are in: cooper network create NET, and --network NET for both`
        : "see whether the host resolves it (getent hosts NAME); other resolvers are named with --dns",
  },
  {
    id: "refused-localhost",
    pattern:
      /(?:connection refused|ECONNREFUSED|can't connect).*?(?:127\.0\.0\.1|localhost|::1)|(?:127\.0\.0\.1|localhost|\[?::1\]?)[^\n]*?(?:connection refused|ECONNREFUSED)/i,
    when: ({ network }) => network !== "host",
    cause: () =>
      "nothing listens there: within a container, localhost is the container itself and not the host",
    facts: ({ network }) => [`network ${network}`],
    change: () => null,
    advice: () =>
      "the host is host.containers.internal, another container of the same network is found by its name",
  },
  {
    id: "refused",
    pattern: /connection refused|ECONNREFUSED/i,
    cause: () => "the other side is there, and nothing listens on that port",
    advice: () =>
      "see whether the other program has started yet, and whether it listens on all addresses (0.0.0.0) instead of localhost",
  },
  {
    id: "certificate-unknown",
    pattern:
      /certificate signed by unknown authority|unable to get local issuer certificate|self[- ]signed certificate|certificate verify failed|CERTIFICATE_VERIFY_FAILED|no such file.*ca-certificates/i,
    cause: () =>
      "the server's certificate is not trusted: the image has no certificate authorities, or not that one",
    change: (_, { mounts }) =>
      mounts.some(({ target }) => target === "/etc/ssl/certs")
        ? null
        : withOptions("-v", "/etc/ssl/certs:/etc/ssl/certs:ro"),
    advice: () => "or install ca-certificates in the image",
  },
  {
    id: "certificate-time",
    pattern: /certificate (?:has expired|is not yet valid)|certificate is expired/i,
    cause: () =>
      "the server's certificate is not valid at this time: it has expired, or the clock is wrong",
    cures: () => ["date"],
    advice: () => "a container has the host's clock: compare it",
  },
];
