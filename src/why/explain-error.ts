/** The hint of an error that has none: gathers what the rules on errors need, and asks them. */
import { cpus } from "node:os";
import { CooperError, type ErrorCode, errnoName, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { nearest } from "../nearest.ts";
import { listContainers } from "../records/containers.ts";
import { listImages } from "../records/images.ts";
import { listNetworks } from "../records/networks.ts";
import { listSecrets } from "../records/secrets.ts";
import { listVolumes } from "../records/volumes.ts";
import { userName } from "../system/subordinate-ids.ts";
import { caller } from "../system/userns.ts";
import type { Finding, StoreFacts } from "./evidence.ts";
import { probeHost } from "./probe-host.ts";
import { errorFinding } from "./rules/errors.ts";
import { checkHost } from "./rules/host.ts";

/** What is known around an error. */
export interface Surroundings {
  /** The command line behind `cooper`. */
  readonly words: readonly string[];
  /** Where the store is; null: not even that is known. */
  readonly store: StoreFacts | null;
  /** Opened; null where that is what failed. */
  readonly host: Host | null;
}

/** What is known of it; null: nothing. */
export function explainError(error: unknown, around: Surroundings): Finding | null {
  const who = caller();
  const message = messageOf(error);
  return errorFinding({
    code: error instanceof CooperError ? error.code : "internal",
    message,
    causes: causesOf(error),
    errno: errnoName(error) ?? null,
    words: around.words,
    isRootless: who.isRootless,
    user: userName(who.uid),
    processors: cpus().length,
    store: around.store,
    similar: similarTo(message, around.host),
    host: hostFindings(error, around),
  });
}

/** A failed system call in the words of what was done; the code that fits it. */
export function codeOf(error: unknown): ErrorCode {
  if (error instanceof CooperError) return error.code;
  switch (errnoName(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return "no-space";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "permission-denied";
    default:
      return "internal";
  }
}

function causesOf(error: unknown): string[] {
  const found: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  for (; cause !== undefined && cause !== null && found.length < 5; ) {
    found.push(messageOf(cause).slice(0, 500));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return found;
}

/** Registries that many images come from. */
const knownRegistries = [
  "docker.io",
  "ghcr.io",
  "quay.io",
  "gcr.io",
  "registry.k8s.io",
  "mcr.microsoft.com",
  "public.ecr.aws",
  "registry.fedoraproject.org",
];

type Names = (host: Host) => readonly string[];

const namesOf: readonly (readonly [pattern: RegExp, names: Names])[] = [
  [/no such container: (\S+)/i, ({ database }) => listContainers(database).map(({ name }) => name)],
  [
    /no such image: (\S+)/i,
    ({ database }) => listImages(database).flatMap(({ names }) => names.flatMap(spellings)),
  ],
  [
    /no such object: (\S+)/i,
    ({ database }) => [
      ...listContainers(database).map(({ name }) => name),
      ...listImages(database).flatMap(({ names }) => names.flatMap(spellings)),
      ...listVolumes(database).map(({ name }) => name),
    ],
  ],
  [/no such volume: (\S+)/i, ({ database }) => listVolumes(database).map(({ name }) => name)],
  [/no such secret: (\S+)/i, ({ database }) => listSecrets(database).map(({ name }) => name)],
  [/network (\S+) not found/i, ({ database }) => listNetworks(database).map(({ name }) => name)],
];

/** `docker.io/library/debian:latest`: as one types it. */
function spellings(name: string): string[] {
  const short = name.replace(/^(docker\.io\/library|docker\.io|localhost)\//, "");
  return [...new Set([short.replace(/:latest$/, ""), short, name])];
}

function similarTo(message: string, host: Host | null): string[] {
  const unresolved = /the name (\S+) cannot be resolved/.exec(message)?.[1];
  if (unresolved !== undefined) {
    const known = nearest(unresolved, knownRegistries);
    return known === undefined || known === unresolved ? [] : [known];
  }
  for (const [pattern, names] of namesOf) {
    const typed = pattern.exec(message)?.[1];
    if (typed === undefined || host === null) continue;
    const found = nearest(typed, names(host));
    return found === undefined ? [] : [found];
  }
  return [];
}

/** Only where the error may come from the machine: looking costs some milliseconds. */
function hostFindings(error: unknown, { store, host }: Surroundings): Finding[] {
  const text = [messageOf(error), ...causesOf(error)].join("\n");
  if (!/namespace|map ids|newuidmap|newgidmap|cgroup|limit/i.test(text)) return [];
  const { root = "/", run = "/" } = store ?? {};
  return checkHost(probeHost({ root, run, canLimit: host?.canLimit ?? true }))
    .filter(({ status }) => status !== "ok")
    .map(({ id, found, cures, advice }) => ({ id, cause: found, evidence: [], cures, advice }));
}
