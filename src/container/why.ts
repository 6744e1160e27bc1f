/** `why`: what went wrong with a container, or with what failed last. */
import type { Host } from "../host.ts";
import { listContainers, resolveContainer } from "../records/containers.ts";
import { diagnoseContainer } from "../why/diagnose.ts";
import type { Finding } from "../why/evidence.ts";
import { type LastFailure, readLast } from "../why/last.ts";
import { settleContainer } from "./cleanup.ts";
import { gatherEvidence } from "./evidence.ts";
import { isAlive, liveState } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";

/** What is known of a failure. */
export interface Diagnosis {
  /** `container web`, or the command that failed. */
  readonly subject: string;
  /** What became of it: `exited with 127`, or the error's message. */
  readonly outcome: string;
  /** Whether anything failed at all. */
  readonly hasFailed: boolean;
  /** ms since 1970; 0: it goes on. */
  readonly at: number;
  /** The cause first. Empty: nothing is known. */
  readonly findings: readonly Finding[];
}

/** Why a container ended, cannot be started, or is not well. */
export async function whyContainer(host: Host, nameOrId: string): Promise<Diagnosis> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined) return whyGone(host, nameOrId);
  const tree = isAlive(container) ? `/proc/${container.pid}/root` : null;
  const findings = diagnoseContainer(await gatherEvidence(host, container, { tree }));
  return { subject: `container ${container.name}`, ...outcomeOf(host, container), findings };
}

function outcomeOf(
  host: Host,
  container: ContainerRecord,
): Pick<Diagnosis, "outcome" | "hasFailed" | "at"> {
  const { state, exit } = liveState(host, container);
  if (container.error !== "")
    return {
      outcome: `could not be started: ${container.error}`,
      hasFailed: true,
      at: container.createdAt,
    };
  if (state !== "exited" && state !== "restarting")
    return { outcome: `is ${state}`, hasFailed: false, at: 0 };
  const code = exit?.exitCode ?? container.exitCode;
  return { outcome: `exited with ${code}`, hasFailed: code !== 0, at: exit?.finishedAt ?? 0 };
}

/** It was one with `--rm`. */
function whyGone(host: Host, nameOrId: string): Diagnosis {
  const last = readLast(host.paths.run);
  if (last !== undefined && last.subject === `container ${nameOrId}`) return asDiagnosis(last);
  resolveContainer(host.database, nameOrId); // says that there is none
  return {
    subject: `container ${nameOrId}`,
    outcome: "is gone",
    hasFailed: false,
    at: 0,
    findings: [],
  };
}

/** The error of a command is its cause, where one is known: said once. */
function asDiagnosis({ subject, message, at, findings }: LastFailure): Diagnosis {
  const isSaid = findings.some(({ cause }) => cause === message);
  const failed = isSaid ? "failed" : `failed: ${message}`;
  const outcome = subject.startsWith("container ") ? message : failed;
  return { subject, at, findings, hasFailed: true, outcome };
}

/** Of what failed last: a container that still exists, or what the last failure left behind. */
export async function whyLast(host: Host): Promise<Diagnosis | null> {
  const last = readLast(host.paths.run);
  const failed = listContainers(host.database)
    .map((container) => ({ container, ...outcomeOf(host, container) }))
    .filter(({ hasFailed }) => hasFailed)
    .sort((a, b) => b.at - a.at);
  const [newest] = failed;
  // an error of starting one that still exists: its files tell more
  const same = failed.find(
    ({ container }) => container.error !== "" && container.error === last?.message,
  );
  if (same !== undefined) return whyContainer(host, same.container.id);
  if (newest === undefined || (last !== undefined && last.at > newest.at))
    return last === undefined ? null : asDiagnosis(last);
  return whyContainer(host, newest.container.id);
}
