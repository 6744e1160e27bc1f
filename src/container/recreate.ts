/**
 * A container is made anew of another image, in its own place: settings, volumes, networks and name stay.
 * The one before waits under another name until its successor has proven itself. Whoever is killed in
 * between leaves both, and finishRecreations() decides between them.
 */
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  changeContainer,
  changeSpec,
  findContainerByName,
  getContainer,
  listContainers,
  requiredBy,
} from "../records/containers.ts";
import { getHealth } from "../records/health.ts";
import { passVolumes, withNetworks } from "./clone.ts";
import { type ContainerImage, createContainer } from "./create.ts";
import { isAlive, liveState } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { removeContainer } from "./remove.ts";
import { startContainer } from "./start.ts";
import { stopContainer } from "./stop.ts";

const waitingSuffix = "-before-update";

/** Without a check it has proven itself when it has run that long. */
const trialMs = 2000;
/** A check that does not come to a result is as good as one that fails. */
const longestTrialMs = 600_000;

/**
 * @returns why the successor did not prove itself; undefined when it did
 * @param rollsBack whether the one before takes its place again then
 */
export async function recreateContainer(
  host: Host,
  before: ContainerRecord,
  image: ContainerImage,
  { rollsBack }: { readonly rollsBack: boolean },
): Promise<string | undefined> {
  const { id, name } = before;
  await stopContainer(host, id, { graceSeconds: null, signal: null, keeps: true });
  changeContainer(host.database, id, { name: `${name}${waitingSuffix}` });
  let failure: string | undefined;
  try {
    const successor = await createSuccessor(host, before, image);
    await startContainer(host, successor.id, { isForeground: false });
    failure = await trial(host, successor.id);
  } catch (error) {
    failure = messageOf(error);
  }
  if (failure !== undefined && rollsBack) await putBack(host, name);
  else await retire(host, name);
  return failure;
}

async function createSuccessor(
  host: Host,
  before: ContainerRecord,
  image: ContainerImage,
): Promise<ContainerRecord> {
  const spec = { ...structuredClone(withNetworks(host, before)), name: before.name };
  const successor = await createContainer(host, spec, image, {
    createCommand: before.resolved.createCommand,
    replaces: false,
    cidFile: null,
  });
  passVolumes(host, before, successor);
  return successor;
}

/** Resolves to what went wrong. */
async function trial(host: Host, id: string): Promise<string | undefined> {
  const begun = Date.now();
  for (;;) {
    const container = getContainer(host.database, id);
    if (container === undefined) return "it was removed";
    const { state, exit } = liveState(host, container);
    if (state === "exited" || state === "restarting")
      return `it ended with exit code ${exit?.exitCode ?? 0}`;
    if (container.restartCount > 0) return "it ended, and its restart policy started it again";
    const health = getHealth(host.database, id)?.status;
    if (health === "healthy") return undefined;
    if (health === "unhealthy") return "its health check fails";
    const past = Date.now() - begun;
    if (health === undefined && past >= trialMs) return undefined;
    if (past >= longestTrialMs) return "its health check comes to no result";
    await Bun.sleep(50);
  }
}

/** The one before goes; those that require it require its successor. */
async function retire(host: Host, name: string): Promise<void> {
  const before = findContainerByName(host.database, `${name}${waitingSuffix}`);
  const successor = findContainerByName(host.database, name);
  if (before === undefined || successor === undefined) return;
  for (const { id } of requiredBy(host.database, before.id)) {
    const dependent = getContainer(host.database, id);
    if (dependent === undefined) continue;
    const { spec, resolved } = dependent;
    const requires = spec.requires.map((one) => (one === before.id ? successor.id : one));
    changeSpec(host.database, id, { spec: { ...spec, requires }, resolved });
  }
  await removeContainer(host, before.id, { force: true, volumes: false, graceSeconds: null });
}

/** The successor goes, and the one before runs in its place again. */
async function putBack(host: Host, name: string): Promise<void> {
  const before = findContainerByName(host.database, `${name}${waitingSuffix}`);
  const successor = findContainerByName(host.database, name);
  if (before === undefined) return;
  if (successor !== undefined)
    await removeContainer(host, successor.id, { force: true, volumes: false, graceSeconds: null });
  changeContainer(host.database, before.id, { name });
  await startContainer(host, before.id, { isForeground: false });
}

/** What somebody left who was killed meanwhile: a successor that runs stays, another one goes. */
export async function finishRecreations(host: Host): Promise<void> {
  for (const { name } of listContainers(host.database)) {
    if (!name.endsWith(waitingSuffix)) continue;
    const place = name.slice(0, -waitingSuffix.length);
    const successor = findContainerByName(host.database, place);
    try {
      if (successor !== undefined && isAlive(successor)) await retire(host, place);
      else await putBack(host, place);
    } catch (error) {
      if (!(error instanceof CooperError)) throw error;
      host.warn(`the update of ${place} that was broken off cannot be finished: ${error.message}`);
    }
  }
}
