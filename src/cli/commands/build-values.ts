/** Values of build's options that have parts of their own. */
import { readFileSync } from "node:fs";
import type { AskedContext } from "../../build/linked.ts";
import { isGitAddress } from "../../build/source/git-address.ts";
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

/** `default`, `ID=SOCKET`, or `ID=KEY,KEY`. */
export function agentOf(text: string): { readonly id: string; readonly paths: readonly string[] } {
  const [, id = "", given] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  if (id === "") throw new CooperError("invalid-argument", `--ssh ${text}: it has no id`);
  const paths = (given ?? process.env.SSH_AUTH_SOCK ?? "").split(",").filter((path) => path !== "");
  if (paths.length > 0) return { id, paths };
  throw new CooperError(
    "invalid-argument",
    `--ssh ${id}: no agent runs (SSH_AUTH_SOCK is not set)`,
    { hint: `start one, or name a key: --ssh ${id}=~/.ssh/id_ed25519` },
  );
}

/** What `--allow` may give. */
export function entitlementOf(text: string): string {
  if (/^(?:network\.host|security\.insecure|device|device=[^=/]+\/[^=]+=.+)$/.test(text))
    return text;
  throw new CooperError("invalid-argument", `invalid entitlement ${JSON.stringify(text)}`, {
    hint: "there are network.host, security.insecure, device and device=VENDOR.com/CLASS=NAME",
  });
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
export function contextOf(text: string): [string, AskedContext] {
  const [, name = "", value = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === "")
    throw new CooperError("invalid-argument", `invalid build context ${text}: it is NAME=VALUE`);
  const image = /^(?:docker-image|container-image):\/\/(.+)$/.exec(value)?.[1];
  if (image !== undefined) return [name, { kind: "image", name: image }];
  const layout = /^oci-layout:\/\/(.+)$/.exec(value)?.[1];
  if (layout !== undefined) return [name, { kind: "image", name: `oci:${layout}` }];
  if (isGitAddress(value)) return [name, { kind: "git", address: value }];
  if (/^https?:\/\//i.test(value)) return [name, { kind: "web", address: value }];
  const target = /^target:(.+)$/.exec(value)?.[1];
  if (target !== undefined) return [name, { kind: "target", name: target }];
  if (/^[a-z][a-z0-9+.-]+:(?:\/\/|:)/i.test(value))
    throw new CooperError("not-supported", `there is no build context of the kind ${value}`, {
      hint: "there are directories, tars, addresses of git and https, docker-image:// and oci-layout://",
    });
  return [name, { kind: "directory", path: value }];
}
