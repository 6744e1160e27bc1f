/** `image trust show` and `set`: the policy as people read it, and changing it. */
import { mkdirSync, readFileSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CooperError, errnoName } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import { openNewFile } from "../../system/new-file.ts";
import { loadPolicy, policyFiles } from "./accept.ts";
import { decodePolicy, type Keys, type Requirement } from "./policy.ts";
import type { RegistriesD } from "./registries-d.ts";

/** One scope of the policy. */
export interface TrustRow {
  /** `all`, `repository` (docker) or another transport's name, as Podman shows it. */
  readonly transport: string;
  readonly name: string;
  readonly type: string;
  /** Keys, where signatures are asked for. */
  readonly keys: string;
  /** Where they are kept. */
  readonly store: string;
}

const words: Readonly<Record<string, string>> = {
  insecureAcceptAnything: "accept",
  reject: "reject",
  signedBy: "signed",
  sigstoreSigned: "sigstoreSigned",
  unverifiable: "never",
};

/** All that the policy says, its default first. */
export function trustRows(signaturePolicy: string | undefined, conf: RegistriesD): TrustRow[] {
  const policy = loadPolicy(signaturePolicy);
  const rows = (transport: string, name: string, list: readonly Requirement[]) =>
    list.map((requirement) => ({
      transport,
      name,
      type: words[requirement.type] ?? requirement.type,
      keys: "keys" in requirement ? keyText(requirement.keys) : whatOf(requirement),
      store: needsPlace(requirement) ? storeOf(conf, name) : "",
    }));
  const scopes = [...policy.transports].flatMap(([transport, byName]) =>
    [...byName]
      .toSorted(byFirst)
      .flatMap(([name, list]) =>
        rows(transport === "docker" ? "repository" : transport, name, list),
      ),
  );
  return [...rows("all", "default", policy.default), ...scopes];
}

const byFirst = ([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]) =>
  a < b ? -1 : 1;
const needsPlace = ({ type }: Requirement) => type === "signedBy" || type === "sigstoreSigned";
const whatOf = (requirement: Requirement) => ("what" in requirement ? requirement.what : "");

function keyText(keys: Keys): string {
  return keys.kind === "files" ? keys.paths.join(", ") : `${keys.keys.length} in the policy`;
}

function storeOf(conf: RegistriesD, name: string): string {
  return conf.scopes.get(name)?.lookaside ?? conf.default?.lookaside ?? conf.fallback;
}

/** The policy file that holds, and its text; null: there is none. */
export function policyText(signaturePolicy?: string): { file: string; text: string } | null {
  for (const file of signaturePolicy === undefined ? policyFiles(process.env) : [signaturePolicy]) {
    try {
      return { file, text: readFileSync(file, "utf8") };
    } catch (error) {
      if (errnoName(error) !== "ENOENT" || signaturePolicy !== undefined) throw error;
    }
  }
  return null;
}

export interface TrustChange {
  /** `default`, a registry, or a part of one. */
  readonly scope: string;
  readonly type: "accept" | "reject" | "signedBy" | "sigstoreSigned";
  readonly keyFiles: readonly string[];
  /** A file in place of the one that holds. */
  readonly signaturePolicy?: string;
}

/**
 * Writes what holds for a scope into the policy. What the file says besides stays as it is.
 *
 * @returns the file
 */
export function setTrust(change: TrustChange): string {
  const { scope, signaturePolicy } = change;
  const isSigned = change.type === "signedBy" || change.type === "sigstoreSigned";
  if (isSigned !== change.keyFiles.length > 0)
    throw new CooperError(
      "invalid-argument",
      isSigned
        ? `signatures are verified by keys: name files of public ones with --pubkeysfile`
        : `--pubkeysfile goes with the types signedBy and sigstoreSigned`,
    );
  const there = policyText(signaturePolicy);
  const file = signaturePolicy ?? ownFile(there?.file);
  const policy: unknown = there === null ? {} : JSON.parse(there.text);
  const old = isObject(policy) ? policy : {};
  const requirements = requirementsOf(change);
  const transports = isObject(old.transports) ? old.transports : {};
  const docker = isObject(transports.docker) ? transports.docker : {};
  const changed =
    scope === "default"
      ? { ...old, default: requirements }
      : {
          default: [{ type: "insecureAcceptAnything" }],
          ...old,
          transports: { ...transports, docker: { ...docker, [scope]: requirements } },
        };
  const text = `${JSON.stringify(changed, null, 4)}\n`;
  decodePolicy(text, file); // what would be refused tomorrow is not written today
  write(file, text);
  return file;
}

/** An ordinary user's policy is that user's own, and begins as what has held until now. */
function ownFile(held: string | undefined): string {
  const files = policyFiles(process.env);
  const isRoot = process.getuid?.() === 0;
  return (isRoot ? (held ?? files.at(-1)) : files[0]) ?? "/etc/containers/policy.json";
}

function requirementsOf({ type, keyFiles }: TrustChange): unknown[] {
  if (type === "accept") return [{ type: "insecureAcceptAnything" }];
  if (type === "reject") return [{ type }];
  const paths = keyFiles.map((file) => resolve(file));
  // Podman asks for a signature by each of several OpenPGP keys: one requirement for each
  if (type === "signedBy") return paths.map((keyPath) => ({ type, keyType: "GPGKeys", keyPath }));
  return paths.map((keyPath) => ({ type, keyPath }));
}

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    using written = openNewFile(file);
    writeSync(written.descriptor, text);
    written.commit();
  } catch (cause) {
    if (errnoName(cause) !== "EACCES") throw cause;
    throw new CooperError("permission-denied", `${file} may not be written`, {
      hint: "an ordinary user's policy is ~/.config/containers/policy.json",
      cause,
    });
  }
}
