/** An image of a registry, as a policy judges it. */
import type { Digest } from "../../oci/digest.ts";
import { formatReference, type Reference } from "../../oci/reference.ts";
import type { RegistryClient } from "../../registry/client.ts";
import type { Candidate } from "./accept.ts";
import { loadRegistriesD } from "./registries-d.ts";
import { referenceScope } from "./scope.ts";
import { registrySignatures } from "./signatures.ts";

/** What is being pulled. */
export interface RegistryImage {
  /** As it is called; a mirror's images have the same names. */
  readonly reference: Reference;
  /** Where it is fetched from. */
  readonly source: { readonly registry: string; readonly repository: string };
  readonly client: RegistryClient;
  readonly isRootless: boolean;
  readonly signal: AbortSignal | undefined;
}

/** @param digest that of the image's own manifest, asked for only when a signature is needed */
export function registryCandidate(image: RegistryImage, digest: () => Promise<Digest>): Candidate {
  // asked for by digest, the tag beside it says nothing
  const reference =
    image.reference.digest === null ? image.reference : { ...image.reference, tag: null };
  return {
    name: formatReference(reference),
    scope: referenceScope("docker", reference),
    reference,
    digest,
    async signatures(wanted) {
      const conf = loadRegistriesD(process.env, image.isRootless);
      const { registry, repository } = image.source;
      const place = { ...reference, registry, repository };
      return registrySignatures(image.client, place, conf, image.signal)(wanted);
    },
  };
}
