/** Whether a signature is for the name that is asked for (containers-policy.json(5), "signedIdentity"). */
import { dockerReference } from "../../oci/location.ts";
import {
  formatReference,
  formatRepository,
  parseName,
  type Reference,
} from "../../oci/reference.ts";
import type { SignedIdentity } from "./policy.ts";

/**
 * Whether it is.
 *
 * @param wanted null: the image has no name, as in a directory
 * @param signed the reference that the signature holds, as it stands there
 */
export function isSignedFor(
  identity: SignedIdentity,
  wanted: Reference | null,
  signed: string,
): boolean {
  const own = referenceOf(signed);
  if (own === undefined) return false;
  if (identity.type === "exactReference")
    return isExact(referenceOf(identity.reference) ?? null, own);
  if (identity.type === "exactRepository") {
    const repository = referenceOf(identity.repository);
    return repository !== undefined && isSameRepository(repository, own);
  }
  if (wanted === null) return false;
  switch (identity.type) {
    case "matchExact":
      return isExact(wanted, own);
    case "matchRepository":
      return isSameRepository(wanted, own);
    case "matchRepoDigestOrExact":
      return isExactOrByDigest(wanted, own);
    case "remapIdentity":
      return isExactOrByDigest(remapped(wanted, identity.prefix, identity.signedPrefix), own);
  }
}

/** Unlike Docker's names, one without a tag is left without. */
function referenceOf(text: string): Reference | undefined {
  try {
    const { tag, digest } = parseName(text);
    return { ...dockerReference(text), tag, digest };
  } catch {
    return undefined; // what is no name is the name of nothing
  }
}

function isExact(wanted: Reference | null, signed: Reference): boolean {
  const isWhole = (name: Reference) => name.tag !== null || name.digest !== null;
  return (
    wanted !== null &&
    isWhole(wanted) &&
    isWhole(signed) &&
    formatReference(wanted) === formatReference(signed)
  );
}

const isSameRepository = (a: Reference, b: Reference): boolean =>
  formatRepository(a) === formatRepository(b);

/** Asked for by digest, the digest has been compared: only the repository is left to be. */
function isExactOrByDigest(wanted: Reference, signed: Reference): boolean {
  if (wanted.digest !== null) return isSameRepository(wanted, signed);
  return wanted.tag !== null && isExact(wanted, signed);
}

/** With another beginning, where it has this one; a prefix ends where a part of the name does. */
function remapped(wanted: Reference, prefix: string, signedPrefix: string): Reference {
  const repository = formatRepository(wanted);
  if (repository !== prefix && !repository.startsWith(`${prefix}/`)) return wanted;
  const [registry = "", ...path] = `${signedPrefix}${repository.slice(prefix.length)}`.split("/");
  return { ...wanted, registry, repository: path.join("/") };
}
