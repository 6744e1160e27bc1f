/**
 * Health of a container as a pure function of its checks' results: Docker's rules ("HEALTHCHECK",
 * docker-run(1)), and Podman's start-up check before them (podman-run(1), `--health-startup-cmd`).
 */
import type { ImageConfig } from "../../oci/image-config.ts";
import type { ContainerSpec } from "../spec.ts";

/** What becomes of a container that is unhealthy. */
export type HealthAction = "none" | "kill" | "restart" | "stop";

/** A check with every default filled in. */
export interface HealthCheck {
  readonly argv: readonly string[];
  /** 0: only run by hand. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
  readonly startup: StartupCheck | null;
  readonly onFailure: HealthAction;
  /** How many results are kept; 0: all. */
  readonly maxLogCount: number;
  /** Bytes of output that are kept of each; 0: all that was read. */
  readonly maxLogBytes: number;
}

/** Runs instead of the check until it has succeeded. */
export interface StartupCheck {
  readonly argv: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row after which the container is started again; 0: never. */
  readonly retries: number;
  /** Successes in a row that it takes. */
  readonly successes: number;
}

export interface HealthResult {
  /** ms since 1970 */
  readonly startedAt: number;
  readonly endedAt: number;
  /** -1: it took too long, or could not be run. */
  readonly exitCode: number;
  readonly output: string;
}

export interface HealthState {
  readonly status: "starting" | "healthy" | "unhealthy";
  readonly failingStreak: number;
  /** Of the start-up check, in a row. */
  readonly startupSuccesses: number;
  readonly startupFailures: number;
  readonly hasStarted: boolean;
  /** Oldest first. */
  readonly log: readonly HealthResult[];
}

const second = 1000;

/** The check of a container: what the spec asks, over what its image does; null: it has none. */
export function healthCheckOf(spec: ContainerSpec, image: ImageConfig | null): HealthCheck | null {
  const { health } = spec;
  const own = image?.config?.Healthcheck ?? null;
  const argv = argvOf(health.test ?? own?.Test ?? []);
  if (argv === null) return null;
  const ms = (
    seconds: number | null | undefined,
    nanoseconds: number | undefined,
    other: number,
  ) =>
    seconds !== null && seconds !== undefined
      ? seconds * second
      : nanoseconds !== undefined && nanoseconds > 0
        ? nanoseconds / 1e6
        : other;
  return {
    argv,
    intervalMs: ms(health.intervalSeconds, own?.Interval, 30 * second),
    timeoutMs: ms(health.timeoutSeconds, own?.Timeout, 30 * second),
    startPeriodMs: ms(health.startPeriodSeconds, own?.StartPeriod, 0),
    startIntervalMs: ms(health.startIntervalSeconds, own?.StartInterval, 5 * second),
    retries: (health.retries ?? own?.Retries) || 3,
    startup: startupOf(spec),
    onFailure: health.onFailure ?? "none",
    maxLogCount: health.maxLogCount ?? 5,
    maxLogBytes: health.maxLogBytes ?? 4096,
  };
}

function startupOf({ health: { startup } }: ContainerSpec): StartupCheck | null {
  const argv = startup?.test ? argvOf(startup.test) : null;
  if (argv === null || !startup) return null;
  return {
    argv,
    intervalMs: (startup.intervalSeconds ?? 30) * second,
    timeoutMs: (startup.timeoutSeconds ?? 30) * second,
    retries: startup.retries ?? 0,
    successes: startup.successes ?? 1,
  };
}

/** `CMD` and `CMD-SHELL` of the image config; null for `NONE` and for nothing. */
function argvOf([kind, ...words]: readonly string[]): string[] | null {
  if (kind === undefined || kind === "" || kind === "NONE" || words.length === 0) return null;
  return kind === "CMD-SHELL" ? ["/bin/sh", "-c", words.join(" ")] : words;
}

/** The state when a container starts. */
export function initialHealth(check: HealthCheck): HealthState {
  return {
    status: "starting",
    failingStreak: 0,
    startupSuccesses: 0,
    startupFailures: 0,
    hasStarted: check.startup === null,
    log: [],
  };
}

/** The state after a result, and what is to be done about it. `uptimeMs` is when the check began. */
export function advanceHealth(
  check: HealthCheck,
  state: HealthState,
  result: HealthResult,
  uptimeMs: number,
): { readonly state: HealthState; readonly action: HealthAction } {
  const output = check.maxLogBytes > 0 ? result.output.slice(0, check.maxLogBytes) : result.output;
  const log = [...state.log, { ...result, output }];
  const kept = check.maxLogCount > 0 ? log.slice(-check.maxLogCount) : log;
  const next =
    check.startup !== null && !state.hasStarted
      ? afterStartupCheck(check.startup, state, result.exitCode === 0)
      : afterCheck(check, state, result.exitCode === 0, uptimeMs);
  return { ...next, state: { ...next.state, log: kept } };
}

type Next = { readonly state: HealthState; readonly action: HealthAction };

function afterStartupCheck(startup: StartupCheck, state: HealthState, isGood: boolean): Next {
  if (isGood) {
    const startupSuccesses = state.startupSuccesses + 1;
    const hasStarted = startupSuccesses >= startup.successes;
    return {
      state: { ...state, startupSuccesses, startupFailures: 0, hasStarted },
      action: "none",
    };
  }
  const startupFailures = state.startupFailures + 1;
  const isLost = startup.retries > 0 && startupFailures >= startup.retries;
  return {
    state: { ...state, startupFailures, startupSuccesses: 0 },
    action: isLost ? "restart" : "none",
  };
}

/** Failures in the start period count for nothing, unless it has been healthy before. */
function afterCheck(
  check: HealthCheck,
  state: HealthState,
  isGood: boolean,
  uptimeMs: number,
): Next {
  if (isGood) return { state: { ...state, status: "healthy", failingStreak: 0 }, action: "none" };
  if (state.status === "starting" && uptimeMs < check.startPeriodMs)
    return { state, action: "none" };
  const failingStreak = state.failingStreak + 1;
  const isUnhealthy = failingStreak >= check.retries;
  return {
    state: { ...state, failingStreak, status: isUnhealthy ? "unhealthy" : state.status },
    action: isUnhealthy ? check.onFailure : "none",
  };
}

/** How long to wait, after a check or the start, before the next one; null: it is only run by hand. */
export function nextCheckMs(
  check: HealthCheck,
  state: HealthState,
  uptimeMs: number,
): number | null {
  if (check.startup !== null && !state.hasStarted) return check.startup.intervalMs || null;
  if (check.intervalMs <= 0) return null;
  const isStarting = state.status === "starting" && uptimeMs < check.startPeriodMs;
  return isStarting ? Math.min(check.startIntervalMs, check.intervalMs) : check.intervalMs;
}
