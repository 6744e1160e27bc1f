/**
 * What is attested of images, in BuildKit's form (docs.docker.com, "Image attestation storage"): in-toto
 * statements as the layers of a manifest of their own, which stands in the index beside the image. It
 * names the image as its subject too (image-spec, manifest.md), so that referrers are asked for it. Pure.
 */
import { type Digest, digestOf } from "./digest.ts";
import { mediaType } from "./media-type.ts";

/** An in-toto predicate. */
export interface Attestation {
  /** `https://slsa.dev/provenance/v1`, `https://spdx.dev/Document`. */
  readonly predicateType: string;
  readonly predicate: object;
}

/** Files or images that something is attested of. */
export interface AttestedSubject {
  readonly name: string;
  readonly digest: Digest;
}

/** An in-toto statement (in-toto/attestation, spec/v0.1). */
export function statementText(
  { predicateType, predicate }: Attestation,
  subjects: readonly AttestedSubject[],
): string {
  const subject = subjects.map(({ name, digest }) => ({
    name,
    digest: { sha256: digest.slice("sha256:".length) },
  }));
  return JSON.stringify({
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType,
    subject,
    predicate,
  });
}

/** What a manifest says of another document. */
interface Described {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** A manifest of attestations, with the texts that it names. */
export interface AttestationManifest {
  readonly text: string;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Its configuration, and a statement each. */
  readonly blobs: readonly string[];
}

const described = (type: string, text: string): Described => ({
  mediaType: type,
  digest: digestOf(text),
  size: Buffer.byteLength(text),
});

/** @param names what the image is called, as package URLs */
export function attestationManifest(
  subject: Described,
  attestations: readonly Attestation[],
  names: readonly string[],
): AttestationManifest {
  const subjects = names.map((name) => ({ name, digest: subject.digest }));
  const statements = attestations.map((one) => statementText(one, subjects));
  // those that know images alone find one that is for no machine
  const config = JSON.stringify({
    architecture: "unknown",
    os: "unknown",
    config: {},
    rootfs: { type: "layers", diff_ids: statements.map(digestOf) },
  });
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.ociManifest,
    artifactType: "application/vnd.docker.attestation.manifest.v1+json",
    config: described(mediaType.ociConfig, config),
    layers: statements.map((statement, index) => ({
      ...described("application/vnd.in-toto+json", statement),
      annotations: { "in-toto.io/predicate-type": attestations[index]?.predicateType ?? "" },
    })),
    subject,
  });
  const blobs = [config, ...statements];
  return { text, mediaType: mediaType.ociManifest, digest: digestOf(text), blobs };
}

/** What an index says of such a manifest. */
export function attestationEntry(
  { text, mediaType: type }: Pick<AttestationManifest, "text" | "mediaType">,
  image: Digest,
) {
  return {
    ...described(type, text),
    platform: { architecture: "unknown", os: "unknown" },
    annotations: {
      "vnd.docker.reference.digest": image,
      "vnd.docker.reference.type": "attestation-manifest",
    },
  };
}

/** `pkg:docker/REPOSITORY@TAG?platform=linux%2Famd64`, as BuildKit calls images. @param name `[registry/]repository[:tag]` */
export function imagePurl(name: string, platform: string): string {
  const [, repository = name, tag = "latest"] =
    /^(.*?)(?::([^/:@]+))?(?:@.*)?$/.exec(name.replace(/^docker\.io\/(?:library\/)?/, "")) ?? [];
  return `pkg:docker/${repository}@${tag}?platform=${encodeURIComponent(platform)}`;
}
