/**
 * policy.json (containers-policy.json(5)): which images are accepted, by where they come from. Decoded
 * strictly: what is not understood might have been a condition, so the whole file is refused then.
 */
import { CooperError } from "../../errors.ts";
import { isObject, repeatedKey } from "../../oci/json.ts";
import { parseName } from "../../oci/reference.ts";

/** Public keys: in files, or in the policy itself (base64). */
export type Keys =
  | { readonly kind: "files"; readonly paths: readonly string[] }
  | { readonly kind: "data"; readonly keys: readonly Uint8Array[] };

/** Which name a signature must be for, compared with the one that is asked for. */
export type SignedIdentity =
  | { readonly type: "matchExact" | "matchRepoDigestOrExact" | "matchRepository" }
  | { readonly type: "exactReference"; readonly reference: string }
  | { readonly type: "exactRepository"; readonly repository: string }
  | { readonly type: "remapIdentity"; readonly prefix: string; readonly signedPrefix: string };

/** What must hold for an image. */
export type Requirement =
  | { readonly type: "insecureAcceptAnything" }
  | { readonly type: "reject" }
  | { readonly type: "signedBy"; readonly keys: Keys; readonly identity: SignedIdentity }
  | { readonly type: "sigstoreSigned"; readonly keys: Keys; readonly identity: SignedIdentity }
  /** Valid, and not verified by Cooper: no image fulfils it. */
  | { readonly type: "unverifiable"; readonly what: string };

/** All of a list must hold. */
export type Requirements = readonly Requirement[];

export interface Policy {
  /** Where it was read, for errors; null: there is no file. */
  readonly file: string | null;
  readonly default: Requirements;
  /** Transport → scope → what holds there. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, Requirements>>;
}

/** What holds where nobody has written a policy: everything is accepted. */
export const openPolicy: Policy = {
  file: null,
  default: [{ type: "insecureAcceptAnything" }],
  transports: new Map(),
};

type Fields = Readonly<Record<string, unknown>>;

/** @throws CooperError invalid-argument that names the place in the file */
export function decodePolicy(text: string, file: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `${file} is not valid JSON`, { cause });
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) throw invalid(file, `has the field ${twice} twice`);
  const top = fieldsOf(value, file, ["default", "transports"]);
  const transports = new Map<string, ReadonlyMap<string, Requirements>>();
  for (const [transport, scopes] of Object.entries(objectAt(top.transports ?? {}, file))) {
    const where = `${file}: ${transport}`;
    const decoded = Object.entries(objectAt(scopes, where)).map(
      ([scope, list]) => [scope, requirementsOf(list, `${where}: "${scope}"`)] as const,
    );
    transports.set(transport, new Map(decoded));
  }
  return { file, default: requirementsOf(top.default, `${file}: default`), transports };
}

function requirementsOf(value: unknown, where: string): Requirements {
  if (!Array.isArray(value) || value.length === 0)
    throw invalid(where, "must be a list with at least one requirement");
  return value.map((item, index) => requirementOf(item, `${where}: requirement ${index + 1}`));
}

const keyFields = ["keyPath", "keyPaths", "keyData", "keyDatas"] as const;

function requirementOf(value: unknown, where: string): Requirement {
  const { type } = objectAt(value, where);
  switch (type) {
    case "insecureAcceptAnything":
    case "reject":
      fieldsOf(value, where, ["type"]);
      return { type };
    case "signedBy":
      return signedBy(value, where);
    case "sigstoreSigned":
      return sigstoreSigned(value, where);
    default:
      throw invalid(where, `has the unknown type ${JSON.stringify(type)}`);
  }
}

const keyTypes = ["GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs"];

function signedBy(value: unknown, where: string): Requirement {
  const names = ["type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"];
  const fields = fieldsOf(value, where, names);
  if (typeof fields.keyType !== "string" || !keyTypes.includes(fields.keyType))
    throw invalid(where, `has the unknown keyType ${JSON.stringify(fields.keyType)}`);
  const keys = keysOf(fields, where);
  const identity = identityOf(fields.signedIdentity, where);
  if (fields.keyType !== "GPGKeys")
    return { type: "unverifiable", what: `signatures by ${fields.keyType}` };
  return { type: "signedBy", keys, identity };
}

const rekorFields = [
  "rekorPublicKeyPath",
  "rekorPublicKeyPaths",
  "rekorPublicKeyData",
  "rekorPublicKeyDatas",
];

function sigstoreSigned(value: unknown, where: string): Requirement {
  const names = ["type", ...keyFields, "fulcio", "pki", ...rekorFields, "signedIdentity"];
  const fields = fieldsOf(value, where, names);
  const identity = identityOf(fields.signedIdentity, where);
  const issued = ["fulcio", "pki"].filter((name) => fields[name] !== undefined);
  const own = keyFields.filter((name) => fields[name] !== undefined);
  if (issued.length + own.length !== 1) throw invalid(where, "must name keys in just one way");
  if (issued.length > 0)
    return { type: "unverifiable", what: `sigstore certificates (${issued[0]})` };
  const keys = keysOf(fields, where);
  if (rekorFields.some((name) => fields[name] !== undefined))
    return { type: "unverifiable", what: "entries in a sigstore transparency log (Rekor)" };
  return { type: "sigstoreSigned", keys, identity };
}

function keysOf(fields: Fields, where: string): Keys {
  const given = keyFields.filter((name) => fields[name] !== undefined);
  const [name] = given;
  if (name === undefined || given.length !== 1)
    throw invalid(where, `must have just one of ${keyFields.join(", ")}`);
  const value = fields[name];
  const texts = name.endsWith("s") ? value : [value];
  if (!Array.isArray(texts) || texts.length === 0 || !texts.every(isText))
    throw invalid(where, `has an invalid ${name}`);
  if (name.startsWith("keyPath")) return { kind: "files", paths: texts };
  return { kind: "data", keys: texts.map((text) => decodeBase64(text, `${where}: ${name}`)) };
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

function decodeBase64(text: string, where: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0)
    throw invalid(where, "is not valid base64");
  return Buffer.from(text, "base64");
}

function identityOf(value: unknown, where: string): SignedIdentity {
  if (value === undefined) return { type: "matchRepoDigestOrExact" };
  const at = `${where}: signedIdentity`;
  const { type } = objectAt(value, at);
  switch (type) {
    case "matchExact":
    case "matchRepoDigestOrExact":
    case "matchRepository":
      fieldsOf(value, at, ["type"]);
      return { type };
    case "exactReference": {
      const { dockerReference } = fieldsOf(value, at, ["type", "dockerReference"]);
      const name = parseName(textAt(dockerReference, at));
      if (name.tag === null && name.digest === null)
        throw invalid(at, "must have a dockerReference with a tag or digest");
      return { type, reference: textAt(dockerReference, at) };
    }
    case "exactRepository": {
      const { dockerRepository } = fieldsOf(value, at, ["type", "dockerRepository"]);
      parseName(textAt(dockerRepository, at));
      return { type, repository: textAt(dockerRepository, at) };
    }
    case "remapIdentity": {
      const { prefix, signedPrefix } = fieldsOf(value, at, ["type", "prefix", "signedPrefix"]);
      return { type, prefix: prefixAt(prefix, at), signedPrefix: prefixAt(signedPrefix, at) };
    }
    default:
      throw invalid(at, `has the unknown type ${JSON.stringify(type)}`);
  }
}

/** A registry or a repository, with nothing after it. */
function prefixAt(value: unknown, where: string): string {
  const text = textAt(value, where);
  if (/[@*]/.test(text) || /:[^/]*[^0-9/][^/]*$/.test(text) || text.endsWith("/"))
    throw invalid(where, `has the invalid prefix ${JSON.stringify(text)}`);
  return text;
}

function textAt(value: unknown, where: string): string {
  if (!isText(value)) throw invalid(where, "lacks a text");
  return value;
}

function objectAt(value: unknown, where: string): Fields {
  if (!isObject(value)) throw invalid(where, "must be an object");
  return value;
}

/** An object that has no other fields than these. */
function fieldsOf(value: unknown, where: string, names: readonly string[]): Fields {
  const fields = objectAt(value, where);
  const unknown = Object.keys(fields).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalid(where, `has the unknown field "${unknown}"`);
  return fields;
}

function invalid(where: string, what: string): CooperError {
  return new CooperError("invalid-argument", `${where} ${what}`, {
    hint: "see containers-policy.json(5); nothing is accepted until it is right",
  });
}
