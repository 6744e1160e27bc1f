/** The secrets of a container: opened at each start, as files on the run directory or as variables. */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { findSecret } from "../records/secrets.ts";
import type { ContainerRecord } from "./record.ts";
import { type MountOwner, toOutside } from "./resolve-mounts.ts";
import type { ResolvedMount } from "./runtime-config/input.ts";
import type { SecretUse } from "./spec.ts";

/** What secrets add to a container. */
export interface OpenedSecrets {
  readonly mounts: readonly ResolvedMount[];
  /** `NAME=VALUE`; in no record, and not in `inspect`. */
  readonly env: readonly string[];
}

/** Opens them; files go into the bundle, which is in memory and ends with the container's run. */
export async function openSecrets(
  host: Host,
  container: ContainerRecord,
  { user, idMappings }: MountOwner,
): Promise<OpenedSecrets> {
  const { secrets = [] } = container.spec;
  if (secrets.length === 0) return { mounts: [], env: [] };
  const { secretBytes } = await import("../secret/secret.ts");
  const directory = join(host.paths.container(container.id).bundle, "secrets");
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const mounts: ResolvedMount[] = [];
  const env: string[] = [];
  for (const [index, use] of secrets.entries()) {
    const secret = findSecret(host.database, use.name);
    if (secret === undefined) throw missing(container, use);
    const bytes = await secretBytes(host, secret);
    if (use.kind === "env") {
      env.push(`${use.target}=${asVariable(use, bytes)}`);
      continue;
    }
    const file = join(directory, `${index}`);
    writeFileSync(file, bytes, { mode: use.mode });
    chownSync(
      file,
      toOutside(idMappings?.uids, use.uid ?? user.uid),
      toOutside(idMappings?.gids, use.gid ?? user.gid),
    );
    mounts.push({
      kind: "bind",
      target: use.target,
      source: file,
      readOnly: true,
      isRecursive: false,
      propagation: null,
      options: ["nosuid", "noexec", "nodev"],
    });
  }
  return { mounts, env };
}

function missing({ name }: ContainerRecord, use: SecretUse): CooperError {
  return new CooperError(
    "no-such-object",
    `cannot start container ${name}: its secret ${use.name} is not there`,
    { hint: `cooper secret create ${use.name} FILE` },
  );
}

/** A variable ends at its first NUL byte, so that a secret with one would be cut. */
function asVariable(use: SecretUse, bytes: Uint8Array): string {
  if (bytes.includes(0))
    throw new CooperError(
      "invalid-argument",
      `secret ${use.name} holds a NUL byte: it can only be a file`,
    );
  return Buffer.from(bytes).toString();
}
