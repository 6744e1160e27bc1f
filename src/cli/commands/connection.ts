/** `system connection`: other engines by name, in the file of Podman's clients. */
import { CooperError } from "../../errors.ts";
import { flagSwitch, integer, path, string } from "../../option.ts";
import {
  type Connection,
  changeConnections,
  connectionTarget,
  listConnections,
} from "../../remote/connections.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { formatRows } from "../table.ts";

const { env } = process;
const file = { ...path, placeholder: "FILE" };
const all = () => listConnections(env, process.getuid?.() !== 0, process.getuid?.() ?? 0);

function need(name: string): Connection {
  const found = all().find((one) => one.name === name);
  if (found === undefined)
    throw new CooperError("no-such-object", `connection "${name}" does not exist`, {
      hint: "see which there are: cooper system connection ls",
    });
  return found;
}

/** What stands in containers.conf is changed by who wrote it. */
function assertOurs({ name, isFixed }: Connection): void {
  if (isFixed)
    throw new CooperError("not-supported", `connection "${name}" is set in containers.conf`, {
      hint: "change it in that file: [engine.service_destinations]",
    });
}

/** `user@host`, a path or a URL, with what is given besides. */
function uriOf(text: string, port: number | undefined, socket: string | undefined): string {
  const uri = /^[a-z]+:\/\//i.test(text)
    ? text
    : text.startsWith("/")
      ? `unix://${text}`
      : `ssh://${text}`;
  const isSsh = uri.startsWith("ssh://");
  if (!isSsh && (port !== undefined || socket !== undefined))
    throw new CooperError("invalid-argument", "--port and --socket-path are for ssh:// alone");
  if (!isSsh) return uri;
  const [, authority = "", rest = ""] = /^ssh:\/\/([^/]*)(.*)$/.exec(uri) ?? [];
  const hasPort = /:\d+$/.test(authority);
  return `ssh://${authority}${port !== undefined && !hasPort ? `:${port}` : ""}${socket ?? rest}`;
}

export const add = defineCommand({
  isHere: true,
  summary: "Give another engine a name",
  usage: "NAME DESTINATION",
  description:
    "DESTINATION is a URL, or [USER@]HOST for ssh. Without the path of a socket ssh asks whatever engine the host has; Podman's own client needs the path.",
  examples: [
    "cooper system connection add box me@box",
    "cooper system connection add pod ssh://me@box/run/user/1000/podman/podman.sock",
  ],
  options: {
    isDefault: { flag: "--default", short: "-d", type: flagSwitch, help: "Make it the default" },
    identity: { flag: "--identity", type: file, help: "Key for ssh" },
    port: {
      flag: "--port",
      short: "-p",
      type: { ...integer, placeholder: "PORT" },
      help: "Port of ssh",
    },
    socket: {
      flag: "--socket-path",
      type: { ...path, placeholder: "PATH" },
      help: "Socket over there",
    },
    ca: { flag: "--tls-ca", type: file, help: "tcp: authority that its certificate is from" },
    certificate: { flag: "--tls-cert", type: file, help: "tcp: certificate to show" },
    key: { flag: "--tls-key", type: file, help: "tcp: key of that certificate" },
  },
  args: { min: 2, max: 2 },
  completes: "none",
  staysOutside: true,
  async run({ args: [name = "", destination = ""], options }) {
    const { ca = null, certificate = null, key = null, identity = null } = options;
    const uri = uriOf(destination, options.port, options.socket);
    const tls = (ca ?? certificate ?? key) ? { ca, certificate, key } : null;
    connectionTarget({ name, uri, identity, tls, isDefault: false, isFixed: false }, null);
    const isFirst = all().length === 0;
    await changeConnections(env, (written) => {
      written.connections.set(name, { uri, identity, tls });
      if (options.isDefault || isFirst) written.defaultName = name;
    });
  },
});

export const ls = defineCommand({
  isHere: true,
  summary: "List connections",
  usage: "",
  options: {
    format: {
      flag: "--format",
      short: "-f",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only names" },
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ options }) {
    const connections = all();
    if (options.quiet) return print(connections.map(({ name }) => `${name}\n`).join(""));
    print(
      formatRows({
        rows: connections.map(({ name, uri, identity, isDefault, isFixed }) => ({
          Name: name,
          URI: uri,
          Identity: identity ?? "",
          Default: isDefault,
          ReadWrite: !isFixed,
        })),
        columns: ["Name", "URI", "Identity", "Default", "ReadWrite"].map((field) => ({
          header: field,
          template: `{{.${field}}}`,
        })),
        format: options.format,
      }),
    );
  },
});

export const setDefault = defineCommand({
  isHere: true,
  summary: "Choose the connection that --remote asks",
  usage: "NAME",
  options: {},
  args: { min: 1, max: 1 },
  completes: "none",
  staysOutside: true,
  async run({ args: [name = ""] }) {
    need(name);
    await changeConnections(env, (written) => {
      written.defaultName = name;
    });
  },
});

export const rename = defineCommand({
  isHere: true,
  summary: "Give a connection another name",
  usage: "OLD NEW",
  options: {},
  args: { min: 2, max: 2 },
  completes: "none",
  staysOutside: true,
  async run({ args: [before = "", after = ""] }) {
    assertOurs(need(before));
    if (all().some(({ name }) => name === after))
      throw new CooperError("name-in-use", `connection "${after}" already exists`);
    await changeConnections(env, (written) => {
      const found = written.connections.get(before);
      if (found === undefined) return;
      written.connections.delete(before);
      written.connections.set(after, found);
      if (written.defaultName === before) written.defaultName = after;
    });
  },
});

export const rm = defineCommand({
  isHere: true,
  summary: "Remove connections",
  usage: "[NAME]",
  options: { all: { flag: "--all", short: "-a", type: flagSwitch, help: "All of them" } },
  args: { min: 0, max: 1 },
  completes: "none",
  staysOutside: true,
  async run({ args: [name], options }) {
    if ((name !== undefined) === (options.all ?? false))
      throw new CooperError("invalid-argument", "name a connection, or use --all: one of them");
    if (name !== undefined) assertOurs(need(name));
    await changeConnections(env, (written) => {
      for (const one of [...written.connections.keys()])
        if (name === undefined || one === name) written.connections.delete(one);
      if (name === undefined || written.defaultName === name) written.defaultName = null;
    });
  },
});
