/**
 * From what was asked of a container, and what was found on the host, to the whole of config.json
 * (OCI runtime-spec). Pure: it looks at nothing but its input.
 */
import { posix } from "node:path";
import { CooperError } from "../errors.ts";
import type {
  LinuxSpec,
  ProcessSpec,
  RuntimeDevice,
  RuntimeSpec,
  Seccomp,
} from "../oci/runtime-spec.ts";
import type { TerminalSize } from "../system/terminal.ts";
import type { ResolvedUser } from "./identity.ts";
import {
  allCapabilities,
  capabilitySets,
  execCapabilities,
} from "./runtime-config/capabilities.ts";
import { argsOf } from "./runtime-config/command.ts";
import { environment, execEnvironment, hostnameOf } from "./runtime-config/environment.ts";
import type { RuntimeInput } from "./runtime-config/input.ts";
import { maskedPaths, readonlyPaths } from "./runtime-config/kernel-paths.ts";
import { mounts } from "./runtime-config/mounts.ts";
import { hasOwnUts, namespaces, runtimeIdMappings } from "./runtime-config/namespaces.ts";
import { cgroupPathOf, resources } from "./runtime-config/resources.ts";
import { copyRlimits, rlimits } from "./runtime-config/rlimits.ts";
import { defaultSeccompProfile } from "./runtime-config/seccomp.ts";
import { parseSeccompProfile, resolveSeccomp } from "./runtime-config/seccomp-profile.ts";
import { sysctls } from "./runtime-config/sysctls.ts";

/** A config.json, and what of the request could not be had. */
export interface RuntimeConfig {
  readonly config: RuntimeSpec;
  /** One sentence each, for the user. */
  readonly warnings: readonly string[];
}

/**
 * Decides everything that the OCI runtime is told.
 *
 * @throws CooperError for a request that contradicts itself or the host
 */
export function runtimeConfig(input: RuntimeInput): RuntimeConfig {
  const warnings: string[] = [];
  const { spec, rootfsPath } = input;
  const process = processSpec(input, warnings);
  const setsHostname = hasOwnUts(input) && input.canSetHostname;
  if (!setsHostname && hasOwnUts(input) && spec.hostname !== null)
    warnings.push("--hostname is left out: the container around cooper forbids sethostname");
  const config: RuntimeSpec = {
    ociVersion: "1.0.2",
    process,
    root: { path: rootfsPath, readonly: spec.isReadOnly },
    ...(setsHostname && { hostname: hostnameOf(input) }),
    ...(setsHostname && spec.domainname !== null && { domainname: spec.domainname }),
    mounts: mounts(input),
    annotations: annotations(input),
    ...(Object.keys(input.edits.hooks).length > 0 && { hooks: input.edits.hooks }),
    linux: linuxSpec(input, process, warnings),
  };
  return { config, warnings };
}

function processSpec(input: RuntimeInput, warnings: string[]): ProcessSpec {
  const { spec, image, user, selinux } = input;
  const apparmorProfile = apparmorOf(input);
  const oomScoreAdj = oomScoreOf(input, warnings);
  return {
    terminal: spec.hasTty,
    ...consoleOf(spec.hasTty, input.terminalSize),
    user: {
      uid: user.uid,
      gid: user.gid,
      umask: umaskOf(input),
      additionalGids: groupsOf(input, warnings),
    },
    args: argsOf(input),
    env: withEdits(environment(input), [
      ...(input.notifyDirectory === null ? [] : ["NOTIFY_SOCKET=/run/notify/notify.sock"]),
      ...input.edits.env,
    ]),
    cwd: workdirOf(spec.workdir ?? image?.config?.WorkingDir ?? ""),
    capabilities: capabilitySets(input, warnings),
    rlimits: rlimits(input, warnings),
    noNewPrivileges: spec.noNewPrivileges,
    ...(apparmorProfile !== null && { apparmorProfile }),
    ...(selinux !== null && { selinuxLabel: selinux.process }),
    ...(oomScoreAdj !== null && { oomScoreAdj }),
  };
}

/** A device's own variables go before all others (CDI SPEC.md, "env"). */
function withEdits(env: string[], edits: readonly string[]): string[] {
  const nameOf = (entry: string) => entry.split("=", 1)[0];
  const names = new Set(edits.map(nameOf));
  return [...edits, ...env.filter((entry) => !names.has(nameOf(entry)))];
}

/** A size that is set later, through conmon, may come after the process has looked (`stty size`). */
function consoleOf(hasTty: boolean, size: TerminalSize | null): Pick<ProcessSpec, "consoleSize"> {
  if (!hasTty || size === null) return {};
  return { consoleSize: { height: size.rows, width: size.columns } };
}

/** An image may name a relative one: it counts from the root (docker, `WORKDIR`). */
function workdirOf(path: string): string {
  if (path.includes("\0"))
    throw new CooperError(
      "invalid-argument",
      `the working directory ${JSON.stringify(path)} holds a NUL byte`,
    );
  return posix.join("/", path);
}

function umaskOf({ spec, settings }: RuntimeInput): number {
  const text = spec.umask ?? settings.umask;
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  throw new CooperError("invalid-argument", `invalid umask "${text}": must be octal, such as 0022`);
}

/**
 * The primary group is among the supplementary ones, so that dropping it does not open what is closed
 * to it (CVE-2022-2989). A user namespace of a single group has setgroups(2) forbidden.
 */
function groupsOf(
  { spec, user, isRootless, engineIdMappings, edits }: RuntimeInput,
  warnings: string[],
): number[] {
  const known =
    engineIdMappings?.gids.reduce((sum, { size }) => sum + size, 0) ?? Number.POSITIVE_INFINITY;
  if (isRootless && known <= 1) {
    if (user.additionalGids.length > 0)
      warnings.push(
        "supplementary groups are left out: no subordinate group ids are mapped (see /etc/subgid)",
      );
    return [];
  }
  if (spec.groups.includes("keep-groups") && user.additionalGids.length === 0) return [];
  return [...new Set([user.gid, ...user.additionalGids, ...edits.additionalGids])];
}

/** proc(5): without CAP_SYS_RESOURCE the score can only be raised. */
function oomScoreOf(
  { spec, ownOomScoreAdjust, canRaiseRlimits }: RuntimeInput,
  warnings: string[],
): number | null {
  const asked = spec.resources.oomScoreAdjust;
  if (asked === null || canRaiseRlimits || asked >= ownOomScoreAdjust) return asked;
  warnings.push(`--oom-score-adj ${asked} is below cooper's own; ${ownOomScoreAdjust} is used`);
  return ownOomScoreAdjust;
}

/** The name that stands for Podman's generated profile, which is not ours to load. */
const generatedApparmor = "containers-default";

function apparmorOf({ spec, settings, hasApparmor }: RuntimeInput): string | null {
  const asked = spec.apparmor;
  if (!hasApparmor) {
    if (asked === null || asked === "unconfined") return null;
    throw new CooperError(
      "not-supported",
      `AppArmor profile "${asked}": AppArmor is not enabled on this host`,
    );
  }
  if (asked !== null) return asked;
  const configured = settings.apparmorProfile;
  return spec.isPrivileged || configured === "" || configured.startsWith(generatedApparmor)
    ? null
    : configured;
}

function linuxSpec(input: RuntimeInput, process: ProcessSpec, warnings: string[]): LinuxSpec {
  const { spec, idMappings, selinux } = input;
  const cgroupsPath = cgroupPathOf(input);
  const limits = resources(input, warnings);
  const propagation = rootfsPropagation(input);
  const seccomp = seccompOf(input, process.capabilities.bounding);
  const sysctl = sysctls(input);
  const rdtClass = spec.resources.rdtClass ?? input.edits.rdtClass;
  return {
    namespaces: namespaces(input),
    ...(idMappings !== null && {
      uidMappings: runtimeIdMappings(idMappings.uids),
      gidMappings: runtimeIdMappings(idMappings.gids),
    }),
    devices: devices(input),
    ...(cgroupsPath !== null && { cgroupsPath }),
    ...(limits !== undefined && { resources: limits }),
    ...(propagation !== null && { rootfsPropagation: propagation }),
    ...(seccomp !== null && { seccomp }),
    ...(Object.keys(sysctl).length > 0 && { sysctl }),
    maskedPaths: maskedPaths(input),
    readonlyPaths: readonlyPaths(input),
    ...(selinux !== null && { mountLabel: selinux.mount }),
    ...(spec.personality !== null && { personality: { domain: personalityOf(spec.personality) } }),
    ...(rdtClass !== null && { intelRdt: { closID: rdtClass } }),
  };
}

/** Rootless they are bound from the host instead: see mounts(). */
function devices(input: RuntimeInput): RuntimeDevice[] {
  if (input.isRootless) return [];
  return input.devices.map(({ path, type, major, minor, mode, uid, gid }) => ({
    path,
    type,
    major,
    minor,
    fileMode: mode & 0o7777,
    uid,
    gid,
  }));
}

/** A mount can only be shared, or a slave, below a root that is (mount_namespaces(7)). */
function rootfsPropagation({ mounts: asked }: RuntimeInput): string | null {
  const found = new Set(
    asked.flatMap((mount) =>
      mount.kind === "bind" && mount.propagation !== null ? [mount.propagation] : [],
    ),
  );
  if (found.has("shared") || found.has("rshared")) return "shared";
  return found.has("slave") || found.has("rslave") ? "rslave" : null;
}

function personalityOf(text: string): string {
  const domain = text.toUpperCase();
  if (domain === "LINUX" || domain === "LINUX32") return domain;
  throw new CooperError(
    "invalid-argument",
    `invalid personality "${text}": must be LINUX or LINUX32`,
  );
}

/** `unconfined` is nothing; --privileged is nothing unless a profile was named. */
function seccompOf(
  { spec, settings, seccompProfile, architecture, kernelRelease }: RuntimeInput,
  capabilities: readonly string[],
): Seccomp | null {
  const asked = spec.seccomp ?? settings.seccompProfile;
  if (asked === "unconfined") return null;
  if (spec.isPrivileged && (spec.seccomp === null || seccompProfile === null)) return null;
  const profile =
    seccompProfile === null ? defaultSeccompProfile : parseSeccompProfile(seccompProfile);
  return resolveSeccomp(profile, { capabilities, architecture, kernelRelease });
}

/** Never the image's own: hooks and runtimes act on annotations. */
function annotations(input: RuntimeInput): Record<string, string> {
  const { spec, settings, cgroup } = input;
  const stopSeconds = spec.stopTimeoutSeconds ?? settings.stopTimeoutSeconds;
  return {
    "io.container.manager": "cooper",
    // crun and runc: how long the scope may take when the machine goes down, else 90 seconds
    ...(cgroup.manager === "systemd" &&
      cgroupPathOf(input) !== null && {
        "org.systemd.property.TimeoutStopUSec": `uint64 ${Math.max(stopSeconds, 0) * 1_000_000}`,
      }),
    ...(spec.stopSignal !== null && { "org.opencontainers.image.stopSignal": spec.stopSignal }),
    // crun: leaves the supplementary groups of its caller to the process
    ...(spec.groups.includes("keep-groups") && { "run.oci.keep_original_groups": "1" }),
    ...spec.annotations,
  };
}

/** What one more process in a container is asked to be. */
export interface ExecProcessOptions {
  readonly command: readonly string[];
  /** `KEY=VALUE`. */
  readonly env: readonly string[];
  readonly workdir: string | null;
  readonly hasTty: boolean;
  readonly isPrivileged: boolean;
  readonly terminalSize: TerminalSize | null;
  /** Left out: as the container's own process. */
  readonly user?: ResolvedUser;
  /** What --privileged gives: our own bounding set; all there are where it is left out. */
  readonly engineCapabilities?: readonly string[];
}

/** A process for `crun exec --process`, from the config that the container was started with. */
export function execProcess({ process }: RuntimeSpec, options: ExecProcessOptions): ProcessSpec {
  const { command, user, workdir, hasTty, isPrivileged } = options;
  if (command.length === 0)
    throw new CooperError("invalid-argument", "no command to run was named");
  const withNul = [...command, workdir ?? ""].find((text) => text.includes("\0"));
  if (withNul !== undefined)
    throw new CooperError("invalid-argument", `${JSON.stringify(withNul)} holds a NUL byte`);
  if (workdir !== null && !workdir.startsWith("/")) {
    throw new CooperError(
      "invalid-argument",
      `the working directory "${workdir}" is no absolute path`,
    );
  }
  const { apparmorProfile, consoleSize: _of, ...rest } = process;
  const identity = user === undefined ? process.user : { ...process.user, ...idsOf(user, process) };
  return {
    ...rest,
    terminal: hasTty,
    ...consoleOf(hasTty, options.terminalSize),
    args: command,
    env: execEnvironment(process.env, { env: options.env, hasTty, home: user?.home ?? null }),
    cwd: workdir ?? process.cwd,
    user: identity,
    capabilities: execCapabilities(process.capabilities, {
      uid: identity.uid,
      isSameUser: identity.uid === process.user.uid,
      privileged: isPrivileged ? (options.engineCapabilities ?? allCapabilities) : null,
    }),
    rlimits: copyRlimits(process.rlimits),
    ...(apparmorProfile !== undefined && !isPrivileged && { apparmorProfile }),
  };
}

/** A container that has no supplementary groups at all cannot set any: see groupsOf(). */
function idsOf(
  user: ResolvedUser,
  process: ProcessSpec,
): { uid: number; gid: number; additionalGids: readonly number[] } {
  const { uid, gid, additionalGids } = user;
  if (process.user.additionalGids.length === 0) return { uid, gid, additionalGids: [] };
  return { uid, gid, additionalGids: [gid, ...additionalGids.filter((other) => other !== gid)] };
}
