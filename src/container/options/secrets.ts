/** `--secret`, as podman-run(1) spells it. */
import { listOf, string } from "../../option.ts";
import type { SecretUse } from "../spec.ts";
import { containerPath, option, type SpecOption } from "./declare.ts";

/** `NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]` */
export function parseSecretUse(text: string): SecretUse {
  const [first = "", ...rest] = text.split(",");
  const fields = new Map<string, string>();
  // docker's service options name the secret by a key of its own
  for (const field of first.includes("=") ? [first, ...rest] : [`source=${first}`, ...rest]) {
    const equals = field.indexOf("=");
    if (equals <= 0) throw new Error(`"${field}" is not KEY=VALUE`);
    const key = field.slice(0, equals) === "src" ? "source" : field.slice(0, equals);
    if (!["source", "type", "target", "uid", "gid", "mode"].includes(key))
      throw new Error(`unknown option "${key}"`);
    fields.set(key, field.slice(equals + 1));
  }
  const name = fields.get("source") ?? "";
  if (name === "") throw new Error("no secret is named");
  const kind = fields.get("type") ?? "mount";
  if (kind !== "mount" && kind !== "env") throw new Error("type must be mount or env");
  const target = fields.get("target") ?? name;
  if (kind === "env") return envUse(name, target, fields);
  return {
    kind,
    name,
    target: target.startsWith("/")
      ? containerPath(target)
      : containerPath(`/run/secrets/${target}`),
    uid: numberOf(fields, "uid", 10),
    gid: numberOf(fields, "gid", 10),
    mode: numberOf(fields, "mode", 8) ?? 0o444,
  };
}

function envUse(name: string, target: string, fields: ReadonlyMap<string, string>): SecretUse {
  const odd = ["uid", "gid", "mode"].find((key) => fields.has(key));
  if (odd !== undefined) throw new Error(`${odd} is of files: a variable has none`);
  if (target.includes("=") || target.includes("\0"))
    throw new Error("target must be a variable's name");
  return { kind: "env", name, target };
}

function numberOf(fields: ReadonlyMap<string, string>, key: string, base: 8 | 10): number | null {
  const text = fields.get(key);
  if (text === undefined) return null;
  const isNumber = base === 8 ? /^0?[0-7]{1,4}$/.test(text) : /^\d{1,10}$/.test(text);
  if (!isNumber)
    throw new Error(`${key} must be ${base === 8 ? "octal, such as 0400" : "a number"}`);
  return Number.parseInt(text, base);
}

export const secretOptions: readonly SpecOption[] = [
  option(
    "--secret",
    listOf({ ...string, placeholder: "NAME[,OPTION...]" }),
    "Give it a secret: type=mount|env, target, uid, gid, mode",
    (spec, text) => {
      spec.secrets = [...(spec.secrets ?? []), parseSecretUse(text)];
    },
    { compose: "secrets", quadlet: "Secret" },
  ),
];
