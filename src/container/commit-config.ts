/** The configuration of an image that is made of a container: pure. */
import { applyChange } from "../image/change.ts";
import type { ImageConfig, ProcessConfig } from "../oci/image-config.ts";
import type { ResolvedContainer } from "./record.ts";
import type { ContainerSpec } from "./spec.ts";

type Resolved = Pick<ResolvedContainer, "imageConfig" | "volumes">;

export interface ConfigChanges {
  /** Instructions as in a Dockerfile. */
  readonly changes: readonly string[];
  /** Fields that overrule all others but `changes`. */
  readonly config: ProcessConfig;
  /** Whether named volumes and binds become volumes of the image; anonymous ones always do. */
  readonly includesVolumes: boolean;
}

/** What the image says of processes: the container's image's, what was asked for the container, the changes. */
export function committedConfig(
  { spec, resolved }: { readonly spec: ContainerSpec; readonly resolved: Resolved },
  { changes, config, includesVolumes }: ConfigChanges,
): ProcessConfig {
  const base = resolved.imageConfig?.config ?? {};
  const ports = { ...base.ExposedPorts, ...portsOf(spec) };
  const targets = volumesOf({ spec, resolved }, includesVolumes);
  const volumes = { ...base.Volumes, ...Object.fromEntries(targets.map((path) => [path, {}])) };
  const labels = { ...base.Labels, ...spec.labels };
  const merged: ProcessConfig = {
    ...base,
    ...commandsOf(spec, base),
    ...(spec.user !== null && { User: spec.user }),
    ...(spec.workdir !== null && { WorkingDir: spec.workdir }),
    ...(spec.stopSignal !== null && { StopSignal: spec.stopSignal }),
    Env: environmentOf(spec, base),
    ...(Object.keys(ports).length > 0 && { ExposedPorts: ports }),
    ...(Object.keys(volumes).length > 0 && { Volumes: volumes }),
    ...(Object.keys(labels).length > 0 && { Labels: labels }),
    ...healthOf(spec, base),
    // what is left to whoever builds on an image was done when somebody did
    OnBuild: null,
  };
  const configured = { ...merged, ...config };
  const changed = changes.reduce<ProcessConfig>(applyChange, configured);
  // Go's encoders leave out what is empty, and so do we
  return Object.fromEntries(
    Object.entries(changed).filter(([, value]) => value !== null && value !== undefined),
  ) as ProcessConfig;
}

/** An entrypoint of the container's own drops the image's command, as when it ran. */
function commandsOf(spec: ContainerSpec, base: ProcessConfig): ProcessConfig {
  const entrypoint = spec.entrypoint ?? base.Entrypoint ?? null;
  const isNone = entrypoint?.length === 1 && entrypoint[0] === "";
  const inherited = spec.entrypoint === null ? (base.Cmd ?? null) : null;
  const command = spec.command !== null && spec.command.length > 0 ? spec.command : inherited;
  return { Entrypoint: isNone ? null : entrypoint, Cmd: command };
}

function environmentOf(spec: ContainerSpec, base: ProcessConfig): string[] {
  const env = new Map<string, string>();
  const nameOf = (entry: string) => entry.slice(0, entry.indexOf("="));
  const kept = spec.unsetEnvAll ? [] : (base.Env ?? []);
  for (const entry of kept)
    if (!spec.unsetEnv.includes(nameOf(entry))) env.set(nameOf(entry), entry);
  // a bare name took its value from whoever called, which is nobody else's business
  for (const entry of spec.env) if (entry.includes("=")) env.set(nameOf(entry), entry);
  return [...env.values()];
}

function portsOf({ networking }: ContainerSpec): Record<string, object> {
  const published = networking.ports.flatMap(({ containerPort, count, protocol }) =>
    Array.from({ length: count }, (_, index) => `${containerPort + index}/${protocol}`),
  );
  return Object.fromEntries([...networking.expose, ...published].map((port) => [port, {}]));
}

function volumesOf(
  { spec, resolved }: { readonly spec: ContainerSpec; readonly resolved: Resolved },
  includesNamed: boolean,
): string[] {
  const volumes = resolved.volumes.filter(({ isAnonymous }) => isAnonymous || includesNamed);
  const binds = includesNamed ? spec.mounts.filter(({ kind }) => kind === "bind") : [];
  return [...volumes, ...binds].map(({ target }) => target);
}

function healthOf({ health }: ContainerSpec, base: ProcessConfig): ProcessConfig {
  const nanoseconds = (seconds: number | null) => (seconds === null ? undefined : seconds * 1e9);
  const own = {
    Test: health.test ?? undefined,
    Interval: nanoseconds(health.intervalSeconds),
    Timeout: nanoseconds(health.timeoutSeconds),
    StartPeriod: nanoseconds(health.startPeriodSeconds),
    Retries: health.retries ?? undefined,
  };
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return Object.keys(given).length === 0 ? {} : { Healthcheck: { ...base.Healthcheck, ...given } };
}

export interface ImageDocument {
  readonly base: ImageConfig | null;
  readonly config: ProcessConfig;
  readonly author: string;
  readonly message: string;
  /** `sha256:…`, lowest first. */
  readonly diffIds: readonly string[];
  /** What the container ran, for the history. */
  readonly command: readonly string[];
  /** Whether all layers became one, so that there is nothing to tell of those before. */
  readonly isSquashed: boolean;
  readonly created: Date;
  readonly platform: {
    readonly os: string;
    readonly architecture: string;
    readonly variant: string;
  };
}

/** The image's configuration as text (image-spec, config.md). */
export function imageDocument(parts: ImageDocument): string {
  const { base, author, message, isSquashed, platform } = parts;
  const created = parts.created.toISOString();
  const step = {
    created,
    created_by: parts.command.join(" "),
    ...(author !== "" && { author }),
    ...(message !== "" && { comment: message }),
  };
  const variant = base?.variant ?? platform.variant;
  return JSON.stringify({
    created,
    ...(author !== "" && { author }),
    architecture: base?.architecture || platform.architecture,
    os: base?.os ?? platform.os,
    ...(variant !== "" && { variant }),
    config: parts.config,
    rootfs: { type: "layers", diff_ids: parts.diffIds },
    history: [...(isSquashed ? [] : (base?.history ?? [])), step],
    ...(message !== "" && { comment: message }),
  });
}
