/** Digests: what names content by its bytes (image-spec, descriptor.md, "Digests"). */
import { CooperError } from "../errors.ts";

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

/** Whether the text is a digest that we can verify. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
}

/**
 * Decodes a digest. Only sha256 is taken: an algorithm that is not computed is not verified either
 * (CVE-2024-3727), and no peer writes another one.
 */
export function parseDigest(text: unknown, where: string): Digest {
  if (isDigest(text)) return text;
  const isOther =
    typeof text === "string" && /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/.test(text);
  if (isOther && !text.startsWith("sha256:")) {
    throw new CooperError(
      "not-supported",
      `${where} has the digest ${text}, and only sha256 is supported`,
    );
  }
  throw new CooperError(
    "corrupt",
    `${where} has no valid digest: ${JSON.stringify(text)?.slice(0, 100)}`,
  );
}

/** The 64 digits. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** The digest of bytes, or of text as UTF-8. */
export function digestOf(content: Uint8Array | string): Digest {
  return `sha256:${new Bun.CryptoHasher("sha256").update(content).digest("hex")}`;
}
