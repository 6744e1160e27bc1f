/** Values of build's options that have parts of their own. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { isGitAddress } from "../../build/source/git-address.ts";
import type { NamedContext } from "../../build/stages.ts";
import { CooperError } from "../../errors.ts";
import { pairs } from "../pairs.ts";

/** `id=ID,src=FILE`, `id=ID,env=NAME`, `id=NAME` for a variable or a file of that name. */
export function secretOf(text: string) {
  const values = pairs(text.split(","), "secret");
  const { id = "", src, source = src, env, type, ...more } = values;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined || (type !== undefined && !["file", "env"].includes(type)))
    throw new CooperError(
      "invalid-argument",
      `invalid secret: unexpected key '${unknown ?? "type"}'`,
    );
  if (id === "") throw new CooperError("invalid-argument", "invalid secret: it has no id");
  const variable = env ?? (source === undefined && type !== "file" ? id : undefined);
  return {
    id,
    async read(): Promise<Uint8Array> {
      const value = variable === undefined ? undefined : process.env[variable];
      if (value !== undefined) return Buffer.from(value);
      if (env !== undefined)
        throw new CooperError("no-such-object", `the secret ${id}: the variable ${env} is not set`);
      return readBytes(source ?? id, id);
    },
  };
}

/** `default`, or `ID=SOCKET`. Keys are for agents to hold. */
export function agentOf(text: string): [string, string] {
  const equals = text.indexOf("=");
  const id = equals < 0 ? text : text.slice(0, equals);
  const socket = equals < 0 ? (process.env.SSH_AUTH_SOCK ?? "") : text.slice(equals + 1);
  if (socket === "")
    throw new CooperError(
      "invalid-argument",
      `--ssh ${id}: no agent runs (SSH_AUTH_SOCK is not set)`,
    );
  if (statSync(socket, { throwIfNoEntry: false })?.isSocket() !== true)
    throw new CooperError("invalid-argument", `--ssh ${id}: ${socket} is no agent's socket`, {
      hint: "load keys into an agent: ssh-add FILE",
    });
  return [id, resolve(socket)];
}

const maxSecretBytes = 500 << 10;

function readBytes(file: string, id: string): Uint8Array {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= maxSecretBytes) return bytes;
  } catch (cause) {
    throw new CooperError("no-such-object", `the secret ${id}: cannot read ${file}`, { cause });
  }
  throw new CooperError("invalid-argument", `the secret ${id} is larger than 500 kB`);
}

/** `NAME=DIR`, `NAME=docker-image://IMAGE`, `NAME=oci-layout://DIR:TAG`, `NAME=` and an address. */
export function contextOf(text: string): [string, NamedContext] {
  const [, name = "", value = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === "")
    throw new CooperError("invalid-argument", `invalid build context ${text}: it is NAME=VALUE`);
  const image = /^(?:docker-image|container-image):\/\/(.+)$/.exec(value)?.[1];
  if (image !== undefined) return [name, { kind: "image", name: image }];
  const layout = /^oci-layout:\/\/(.+)$/.exec(value)?.[1];
  if (layout !== undefined) return [name, { kind: "image", name: `oci:${layout}` }];
  if (isGitAddress(value)) return [name, { kind: "git", address: value }];
  if (/^https?:\/\//i.test(value)) return [name, { kind: "web", address: value }];
  if (/^[a-z][a-z0-9+.-]+:(?:\/\/|:)|^target:/i.test(value))
    throw new CooperError("not-supported", `there is no build context of the kind ${value}`, {
      hint: "there are directories, tars, addresses of git and https, docker-image:// and oci-layout://",
    });
  return [name, { kind: "directory", path: value }];
}
