/** Deciding whether an image is accepted, before anything of it is kept. What cannot be told is not. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName, messageOf } from "../../errors.ts";
import type { Host } from "../../host.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Reference } from "../../oci/reference.ts";
import { Keyring } from "./gpg.ts";
import { isSignedFor } from "./identity.ts";
import { decodeClaim, type SignedClaim } from "./payload.ts";
import { decodePolicy, type Keys, openPolicy, type Policy, type Requirement } from "./policy.ts";
import { requirementsFor, type Scope } from "./scope.ts";
import { isCosignPayload, type Signature, type SignatureSource } from "./signatures.ts";
import { isSignedByKey, sigstoreKey } from "./sigstore.ts";

/** An image that is about to be taken in. */
export interface Candidate {
  /** As the user named it. */
  readonly name: string;
  readonly scope: Scope;
  /** The name that signatures must be for; null: it has none. */
  readonly reference: Reference | null;
  /** Of the image's own manifest; null: where it comes from has no manifests, and so no signatures. */
  digest(): Promise<Digest | null>;
  readonly signatures: SignatureSource;
}

/** Where the policy is looked for when no file is named: one's own, then the machine's. */
export function policyFiles(env: Readonly<Record<string, string | undefined>>): string[] {
  const own = env.HOME ? [join(env.HOME, ".config/containers/policy.json")] : [];
  return [...own, "/etc/containers/policy.json"];
}

/**
 * Reads the policy. Where there is none everything is accepted: unlike Podman, which refuses to work
 * then, Cooper comes as one file, and a new machine should not need a second.
 *
 * @param named by `--signature-policy`
 */
export function loadPolicy(
  named?: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Policy {
  const file = named ?? policyFiles(env).find((path) => existsSync(path));
  if (file === undefined) return openPolicy;
  try {
    return decodePolicy(readFileSync(file, "utf8"), file);
  } catch (cause) {
    if (cause instanceof CooperError) throw cause;
    const why =
      errnoName(cause) === "ENOENT" ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
    throw new CooperError("invalid-argument", `the signature policy ${file} ${why}`, { cause });
  }
}

/** @throws CooperError permission-denied that says what is missing */
export async function assertAccepted(
  host: Host,
  policy: Policy,
  candidate: Candidate,
): Promise<void> {
  for (const requirement of requirementsFor(policy, candidate.scope)) {
    const why = await refusal(host, requirement, candidate);
    if (why === undefined) continue;
    throw new CooperError(
      "permission-denied",
      `${candidate.name} is not accepted by ${policy.file ?? "the signature policy"}: ${why}`,
      { hint: "see what is accepted from where with: cooper image trust show" },
    );
  }
}

/** Why the requirement is not fulfilled; undefined: it is. */
async function refusal(
  host: Host,
  requirement: Requirement,
  candidate: Candidate,
): Promise<string | undefined> {
  switch (requirement.type) {
    case "insecureAcceptAnything":
      return undefined;
    case "reject":
      return "images from there are rejected";
    case "unverifiable":
      return `it asks for ${requirement.what}, which Cooper does not verify`;
    default:
      return missingSignature(host, requirement, candidate);
  }
}

type Signed = Extract<Requirement, { type: "signedBy" | "sigstoreSigned" }>;

async function missingSignature(
  host: Host,
  requirement: Signed,
  candidate: Candidate,
): Promise<string | undefined> {
  const digest = await candidate.digest();
  const all = digest === null ? [] : await candidate.signatures(digest);
  const kind = requirement.type === "signedBy" ? "simple" : "sigstore";
  const signatures = all.filter((signature) => signature.kind === kind);
  if (digest === null || signatures.length === 0) {
    const attached =
      kind === "sigstore" && candidate.scope.transport === "docker"
        ? " (they are looked for beside it only where registries.d says use-sigstore-attachments: true)"
        : "";
    return `a signature is required, and there is none${attached}`;
  }
  using verifier = verifierFor(host, requirement);
  const reasons = new Set<string>();
  for (const signature of signatures) {
    try {
      checkClaim(verifier.open(signature), requirement, candidate, digest);
      return undefined;
    } catch (error) {
      if (!(error instanceof CooperError)) throw error;
      reasons.add(error.message);
    }
  }
  return [...reasons].join("; ");
}

function checkClaim(
  claim: SignedClaim,
  { identity }: Signed,
  { reference }: Candidate,
  digest: Digest,
): void {
  if (claim.digest !== digest)
    throw new CooperError(
      "permission-denied",
      "a signature does not count: it is for another image",
    );
  if (isSignedFor(identity, reference, claim.reference)) return;
  throw new CooperError(
    "permission-denied",
    `a signature does not count: it is for the name ${JSON.stringify(claim.reference.slice(0, 200))}`,
  );
}

/** Opens signatures by the keys of a requirement. */
interface Verifier extends Disposable {
  /** @throws CooperError that says why the signature does not count */
  open(signature: Signature): SignedClaim;
}

function verifierFor(host: Host, requirement: Signed): Verifier {
  const keys = readKeys(requirement.keys);
  if (requirement.type === "sigstoreSigned") {
    const trusted = keys.map(({ bytes, where }) => sigstoreKey(bytes, where));
    return {
      open(signature) {
        if (signature.kind !== "sigstore" || !isCosignPayload(signature))
          throw notCounted("it is of a kind that is not known");
        if (!isSignedByKey(signature.payload, signature.signature, trusted))
          throw notCounted("it is not by one of the keys, or altered");
        return decodeClaim(signature.payload, "sigstore");
      },
      [Symbol.dispose]: () => undefined,
    };
  }
  const keyring = new Keyring(host.paths.run);
  try {
    for (const { bytes, where } of keys) keyring.add(bytes, where);
  } catch (error) {
    keyring[Symbol.dispose]();
    throw error;
  }
  return {
    open(signature) {
      if (signature.kind !== "simple") throw notCounted("it is of a kind that is not known");
      return decodeClaim(keyring.open(signature.bytes), "simple");
    },
    [Symbol.dispose]: () => keyring[Symbol.dispose](),
  };
}

const notCounted = (why: string): CooperError =>
  new CooperError("permission-denied", `a signature does not count: ${why}`);

function readKeys(keys: Keys): { readonly bytes: Uint8Array; readonly where: string }[] {
  if (keys.kind === "data")
    return keys.keys.map((bytes) => ({ bytes, where: "a key in the signature policy" }));
  return keys.paths.map((path) => {
    try {
      return { bytes: readFileSync(path), where: path };
    } catch (cause) {
      throw new CooperError(
        "invalid-argument",
        `the key ${path} of the signature policy cannot be read: ${messageOf(cause)}`,
        { cause },
      );
    }
  });
}
