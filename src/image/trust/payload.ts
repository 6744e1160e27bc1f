/**
 * What a signature says: this manifest is that image (containers-signature(5); cosign's SIGNATURE_SPEC).
 * Decoded strictly, as a field that is overlooked may be one that limits what was signed.
 */
import { CooperError } from "../../errors.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { isObject, parseJsonObject } from "../../oci/json.ts";

/** The claim, whose signer is known by the time that it is decoded. */
export interface SignedClaim {
  readonly digest: Digest;
  readonly reference: string;
}

export type SignatureKind = "simple" | "sigstore";

const types = {
  simple: "atomic container signature",
  sigstore: "cosign container image signature",
} as const satisfies Record<SignatureKind, string>;

/** @throws CooperError corrupt */
export function decodeClaim(bytes: Uint8Array, kind: SignatureKind): SignedClaim {
  const where = "the signature's contents";
  const { value } = parseJsonObject(bytes, where);
  const { critical, optional } = exactly(value, ["critical", "optional"], where);
  if (optional !== undefined && optional !== null && !isObject(optional)) throw invalid(where);
  const { type, image, identity } = exactly(critical, ["type", "image", "identity"], where);
  if (type !== types[kind])
    throw new CooperError("corrupt", `${where} are of another type: ${JSON.stringify(type)}`);
  const digest = exactly(image, ["docker-manifest-digest"], where)["docker-manifest-digest"];
  const reference = exactly(identity, ["docker-reference"], where)["docker-reference"];
  if (typeof reference !== "string") throw invalid(where);
  return { digest: parseDigest(digest, where), reference };
}

/** The text that is signed. `creator` and `timestamp` (seconds) tell people where it comes from. */
export function encodeClaim(
  { digest, reference }: SignedClaim,
  kind: SignatureKind,
  optional: { readonly creator: string; readonly timestamp: number },
): string {
  return JSON.stringify({
    critical: {
      identity: { "docker-reference": reference },
      image: { "docker-manifest-digest": digest },
      type: types[kind],
    },
    optional,
  });
}

/** An object of these fields and no others; `optional` alone may be missing. */
function exactly(
  value: unknown,
  names: readonly string[],
  where: string,
): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw invalid(where);
  const isWhole = names.every((name) => name === "optional" || Object.hasOwn(value, name));
  if (!isWhole || Object.keys(value).some((name) => !names.includes(name))) throw invalid(where);
  return value;
}

function invalid(where: string): CooperError {
  return new CooperError("corrupt", `${where} are not what a signature of an image holds`);
}
