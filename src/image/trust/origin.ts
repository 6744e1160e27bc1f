/** Where planned images come from, as a policy sees it. */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { errnoName } from "../../errors.ts";
import { isDigest } from "../../oci/digest.ts";
import { parseName, type Reference } from "../../oci/reference.ts";
import type { Archive } from "../archive.ts";
import type { ImagePlan } from "../load-plan.ts";
import type { Candidate } from "./accept.ts";
import { pathScope, referenceScope, type Scope, storageScope } from "./scope.ts";
import { directorySignatures, noSignatures, type SignatureSource } from "./signatures.ts";

/** Of all images of one place. */
export interface Origin {
  scope(plan: ImagePlan): Scope;
  /** The name that signatures must be for, where the transport knows names. */
  reference(plan: ImagePlan): Reference | null;
  readonly signatures: SignatureSource;
}

/** An image of that origin, as it is judged. @param place for errors, where it has no name */
export function candidateOf(origin: Origin, plan: ImagePlan, place: string): Candidate {
  return {
    name: plan.names[0] ?? place,
    scope: origin.scope(plan),
    reference: origin.reference(plan),
    digest() {
      const digest = plan.manifests?.at(-1)?.digest;
      return Promise.resolve(isDigest(digest) ? digest : null);
    },
    signatures: origin.signatures,
  };
}

function firstName(plan: ImagePlan): Reference | null {
  const [first] = plan.names;
  if (first === undefined) return null;
  const name = parseName(first);
  return name.registry === null ? null : { ...name, registry: name.registry };
}

/** Layouts and archives; a docker archive has no scopes of its own, whatever its path. */
export function archiveOrigin(
  transport: "oci" | "oci-archive" | "docker-archive" | "dir",
  path: string | null,
  archive: Archive,
): Origin {
  const isDocker = transport === "docker-archive";
  const scope =
    path === null || isDocker ? { transport, names: [] } : pathScope(transport, resolved(path));
  return {
    scope: () => scope,
    reference: (plan) => (isDocker ? firstName(plan) : null),
    signatures: transport === "dir" ? directorySignatures(archive) : noSignatures,
  };
}

/** A policy names the place itself, whatever links lead there. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoName(error) === undefined) throw error;
    return resolve(path); // opening it will tell what is wrong
  }
}

/** Podman's store. */
export function storageOrigin(driver: string, root: string): Origin {
  return {
    scope: (plan) => storageScope(driver, resolved(root), firstName(plan)),
    reference: firstName,
    signatures: noSignatures,
  };
}

/** Docker, running or not. What has no name there falls under the transport as a whole. */
export const daemonOrigin: Origin = {
  scope(plan) {
    const reference = firstName(plan);
    const transport = "docker-daemon";
    return reference === null ? { transport, names: [] } : referenceScope(transport, reference);
  },
  reference: firstName,
  signatures: noSignatures,
};

/** A file system taken in with `import`, which nobody can have signed. */
export function tarballCandidate(name: string): Candidate {
  return {
    name,
    scope: { transport: "tarball", names: [] },
    reference: null,
    digest: () => Promise.resolve(null),
    signatures: noSignatures,
  };
}
