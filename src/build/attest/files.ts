/** Attestations beside files that were asked for (`provenance.json`, `sbom.spdx.json`), as BuildKit puts them there. */
import { closeSync, readSync } from "node:fs";
import { type Attestation, type AttestedSubject, statementText } from "../../oci/attestation.ts";
import type { ReadableDirectory } from "../../system/tree-read.ts";

export interface AttestationFile {
  readonly name: string;
  readonly text: string;
}

/** A statement about all files of a tree each. Nothing is read when nothing is attested. */
export function attestationFiles(
  root: ReadableDirectory,
  attestations: readonly Attestation[],
): AttestationFile[] {
  if (attestations.length === 0) return [];
  const subjects = filesOf(root, "");
  return attestations.map((one) => ({
    name: one.predicateType.startsWith("https://spdx.dev/") ? "sbom.spdx.json" : "provenance.json",
    text: statementText(one, subjects),
  }));
}

function filesOf(directory: ReadableDirectory, prefix: string): AttestedSubject[] {
  return directory.names().flatMap((name): AttestedSubject[] => {
    const path = prefix + Buffer.from(name, "latin1").toString("utf8");
    const there = directory.look(name);
    if (there?.isDirectory()) {
      using below = directory.enter(name);
      return below === undefined ? [] : filesOf(below, `${path}/`);
    }
    const descriptor = there?.isFile() ? directory.openFile(name) : undefined;
    return descriptor === undefined ? [] : [{ name: path, digest: digestAndClose(descriptor) }];
  });
}

function digestAndClose(descriptor: number): AttestedSubject["digest"] {
  const hash = new Bun.CryptoHasher("sha256");
  const buffer = Buffer.allocUnsafe(1 << 20);
  try {
    for (;;) {
      const count = readSync(descriptor, buffer, 0, buffer.length, null);
      if (count === 0) return `sha256:${hash.digest("hex")}`;
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}
