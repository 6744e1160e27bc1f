/** Gathers what is known of a container that failed, for the rules of `why/`. Decides nothing. */
import { constants as os } from "node:os";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { getHealth } from "../records/health.ts";
import { readInRoot } from "../system/rooted.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import type {
  CommandFacts,
  ContainerFacts,
  EndedBy,
  Evidence,
  MountFacts,
  UserFacts,
} from "../why/evidence.ts";
import { pathsIn, programsIn } from "../why/mentioned.ts";
import { probeCommand, probeProgram, type Search } from "../why/probe-command.ts";
import { probePath, type Tree } from "../why/probe-path.ts";
import { healthCheckOf } from "./health/state.ts";
import { resolveUser } from "./identity.ts";
import { liveState } from "./live-state.ts";
import { readLogs } from "./logs.ts";
import { commandOf } from "./process-of.ts";
import type { ContainerRecord } from "./record.ts";
import { mergeCapabilities } from "./runtime-config/capabilities.ts";
import { ownerMap } from "./trees.ts";

/** Where the files of the container are while they are looked at. */
export interface EvidenceOptions {
  /** Its whole tree, mounted; null: it is mounted meanwhile, for which the caller holds its lock. */
  readonly tree: string | null;
  /** Why it could not be started, where the record does not say so yet. */
  readonly error?: string;
  /** Instead of the container's own command: that of an exec. */
  readonly command?: readonly string[];
  /** As which user that is run; null: the container's. */
  readonly user?: string | null;
  /** Whether it goes right now. */
  readonly isGoing?: boolean;
}

/** How many lines of the log are looked at, and how long each may be. */
const lines = 40;
const maxLine = 1000;

/** Looks at everything. What cannot be looked at is left out. */
export async function gatherEvidence(
  host: Host,
  container: ContainerRecord,
  options: EvidenceOptions,
): Promise<Evidence> {
  const said = options.error === undefined ? await lastLines(host, container) : [];
  try {
    if (options.tree !== null) return await withTree(host, container, options, options.tree, said);
    const { openContainerTree } = await import("./trees.ts");
    using stage = await openStage(host);
    using tree = await openContainerTree(host, container, stage.directory);
    // where the kernel has no overlay they are seen layer by layer, and not by paths
    if (!(tree instanceof OpenDirectory)) return await withoutTree(host, container, options, said);
    return await withTree(host, container, options, `/proc/self/fd/${tree.descriptor}`, said);
  } catch (error) {
    host.debug(`the files of ${container.name} cannot be looked at: ${error}`);
    return withoutTree(host, container, options, said);
  }
}

async function withoutTree(
  host: Host,
  container: ContainerRecord,
  options: EvidenceOptions,
  said: readonly string[],
): Promise<Evidence> {
  const facts = await containerFacts(host, container, options, { uid: 0, gid: 0, groups: [] });
  return { container: facts, error: null, said, command: null, programs: [], paths: [] };
}

async function withTree(
  host: Host,
  container: ContainerRecord,
  options: EvidenceOptions,
  root: string,
  said: readonly string[],
): Promise<Evidence> {
  const { spec, resolved } = container;
  const user = userOf(container, options, root);
  const capabilities = capabilitiesOf(host, container);
  const toInside = ownerMap(container) ?? ((uid: number, gid: number) => ({ uid, gid }));
  const tree: Tree = {
    root,
    mounts: mountsOf(container).map((mount) => ({ ...mount, root: rootOf(host, mount) })),
    user,
    overridesModes: user.uid === 0 && capabilities.includes("CAP_DAC_OVERRIDE"),
    toInside,
  };
  const config = resolved.imageConfig?.config;
  const variable = (pairs: readonly string[] | null | undefined) =>
    pairs?.findLast((pair) => pair.startsWith("PATH="))?.slice("PATH=".length);
  const path = variable(spec.env) ?? variable(config?.Env) ?? defaultPath;
  const search: Search = {
    tree,
    path: path.split(":").filter((directory) => directory.startsWith("/")),
    workdir: spec.workdir ?? (config?.WorkingDir || "/"),
  };
  const [asked] = options.command ?? commandOf(spec, resolved.imageConfig);
  return {
    container: await containerFacts(host, container, options, user),
    error: null,
    said,
    command: asked === undefined ? null : commandFacts(search, asked),
    programs: programsIn(said).map((name) => probeProgram(search, name)),
    paths: pathsIn(said, search.workdir).map((name) => probePath(tree, name)),
  };
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function commandFacts(search: Search, asked: string): CommandFacts {
  return probeCommand(search, asked);
}

/** The directory of what is mounted; null where nothing outlives the container's end. */
function rootOf(host: Host, { kind, source }: MountFacts): string | null {
  if (kind === "bind") return source;
  return kind === "volume" ? host.paths.volume(source) : null;
}

function mountsOf({ spec, resolved }: ContainerRecord): MountFacts[] {
  const asked = spec.mounts.map((mount): MountFacts => {
    const { target, kind, readOnly, options } = mount;
    const source =
      mount.kind === "bind"
        ? mount.source
        : mount.kind === "volume"
          ? (mount.name ?? resolved.volumes.find((one) => one.target === target)?.name ?? "")
          : "";
    return { target, kind, source, readOnly, options };
  });
  return [...asked, { target: "/dev", kind: "tmpfs", source: "", readOnly: false, options: [] }];
}

function userOf(
  { spec, resolved }: ContainerRecord,
  options: EvidenceOptions,
  root: string,
): UserFacts {
  const text = options.user ?? spec.user ?? resolved.imageConfig?.config?.User ?? "";
  try {
    const { uid, gid, additionalGids } = resolveUser(
      text,
      readInRoot(root, "/etc/passwd") ?? "",
      readInRoot(root, "/etc/group") ?? "",
    );
    return { uid, gid, groups: additionalGids };
  } catch {
    return { uid: 0, gid: 0, groups: [] }; // no such user: the error says so itself
  }
}

function capabilitiesOf(host: Host, { spec }: ContainerRecord): readonly string[] {
  const all = host.settings.defaultCapabilities;
  return spec.isPrivileged ? [...all] : mergeCapabilities(all, spec.capAdd, spec.capDrop, all);
}

async function containerFacts(
  host: Host,
  container: ContainerRecord,
  options: EvidenceOptions,
  user: UserFacts,
): Promise<ContainerFacts> {
  const { spec, resolved } = container;
  const live = liveState(host, container);
  const { resources } = spec;
  const argv = options.command ?? commandOf(spec, resolved.imageConfig);
  const exit = live.exit ?? container;
  return {
    name: container.name,
    image: resolved.imageName,
    state: live.state,
    exitCode: exit.exitCode,
    error: options.error ?? container.error,
    isOomKilled: exit.oomKilled,
    ...(await endOf(host, container, exit.exitCode, exit.finishedAt)),
    ranSeconds: Math.max(0, exit.finishedAt - container.startedAt) / 1000,
    restarts: container.restartCount,
    restartPolicy: spec.restart.policy,
    isKept: !spec.removesItself && options.isGoing !== true,
    isRootless: host.isRootless,
    canLimit: host.canLimit,
    argv,
    commandWords: options.command?.length ?? spec.command?.length ?? 0,
    // an exec is no words of it
    createCommand: options.command === undefined ? resolved.createCommand : [],
    workdir: spec.workdir ?? (resolved.imageConfig?.config?.WorkingDir || "/"),
    user,
    capabilities: capabilitiesOf(host, container),
    isPrivileged: spec.isPrivileged,
    isReadOnly: spec.isReadOnly,
    noNewPrivileges: spec.noNewPrivileges,
    isSeccompOn: !spec.isPrivileged && spec.seccomp !== "unconfined",
    hasInit: spec.init ?? host.settings.init,
    hasStdin: spec.hasStdin,
    hasTty: spec.hasTty,
    network: networkText(container),
    stopSignal: signalWord(resolved.stopSignal),
    stopSeconds: resolved.stopTimeoutSeconds,
    timeoutSeconds: spec.timeoutSeconds,
    memoryBytes: resources.memoryBytes,
    pidsLimit: host.canLimit ? (resources.pidsLimit ?? host.settings.pidsLimit) : null,
    filesLimit: resources.ulimits.find(({ name }) => name === "nofile")?.soft ?? null,
    shmBytes: resources.shmSizeBytes ?? host.settings.shmSizeBytes,
    mounts: mountsOf(container),
    health: healthFacts(host, container),
  };
}

function networkText({ spec, resolved }: ContainerRecord): string {
  const { mode } = spec.networking;
  return mode.kind === "container" ? `container:${mode.of}` : resolved.networkMode;
}

function signalWord(number: number): string {
  return (
    Object.entries(os.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`
  );
}

function healthFacts(
  host: Host,
  { id, spec, resolved }: ContainerRecord,
): ContainerFacts["health"] {
  const check = healthCheckOf(spec, resolved.imageConfig);
  const state = check === null ? undefined : getHealth(host.database, id);
  const last = state?.log.at(-1);
  if (check === null || state === undefined || last === undefined) return null;
  return {
    status: state.status,
    failures: state.failingStreak,
    command: check.argv.join(" "),
    exitCode: last.exitCode,
    output: last.output.slice(-maxLine),
  };
}

/** Who ended it and how much memory it had, by the journal of events since its start. */
async function endOf(
  host: Host,
  container: ContainerRecord,
  exitCode: number,
  finishedAt: number,
): Promise<Pick<ContainerFacts, "endedBy" | "memoryPeak">> {
  const { spec, startedAt } = container;
  // conmon notes -1 for what it has killed by --timeout
  const isLate = (finishedAt - startedAt) / 1000 >= spec.timeoutSeconds - 0.5;
  if (spec.timeoutSeconds > 0 && (exitCode === -1 || (exitCode === 137 && isLate)))
    return { endedBy: "timeout", memoryPeak: null };
  let endedBy: EndedBy = null;
  let memoryPeak: number | null = null;
  if (exitCode < 128 || startedAt === 0) return { endedBy, memoryPeak };
  const { readJournal } = await import("../events/journal.ts");
  const options = { since: (startedAt - 1000) * 1000, until: null, follows: false };
  for await (const { id, action, attributes } of readJournal(host.paths.events, options)) {
    if (id !== container.id) continue;
    if (action === "start") endedBy = null;
    if (action === "kill" && Number(attributes.signal) === exitCode - 128) endedBy = "kill";
    if (action === "stop") endedBy = exitCode === 137 ? "stop-by-force" : "stop";
    if (action === "oom") memoryPeak = Number(attributes.memoryPeak) || null;
  }
  return { endedBy, memoryPeak };
}

/** The end of its log, the newest line last. */
async function lastLines(host: Host, container: ContainerRecord): Promise<string[]> {
  const { logDriver } = container.resolved;
  if (logDriver === "none" || logDriver.startsWith("passthrough")) return [];
  const found: string[] = [];
  const since = container.startedAt > 0 ? container.startedAt - 10_000 : null;
  try {
    const options = { tail: lines, since, until: null, follow: false };
    for await (const entries of readLogs(host, container.id, options))
      found.push(...entries.map(({ text }) => lineOf(text)).filter((line) => line !== ""));
  } catch (error) {
    host.debug(`the log of ${container.name} cannot be read: ${error}`);
  }
  return found.slice(-lines);
}

const lineOf = (text: Buffer) => text.toString("utf8").slice(0, maxLine).replace(/\s+$/, "");
