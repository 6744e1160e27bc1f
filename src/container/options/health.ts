/** Health checks, as docker-run(1) and podman-run(1) spell them. */
import { flagSwitch, integer, oneOf, parseDurationSeconds, string } from "../../option.ts";
import type { ContainerSpec, Health, StartupHealth } from "../spec.ts";
import { option, refused, type SpecOption } from "./declare.ts";

/** Go's durations; a number alone is seconds, as podman takes it. Result in seconds. */
const duration = {
  ...string,
  placeholder: "DURATION",
  parse(text: string): number {
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : parseDurationSeconds(text);
    if (seconds < 0) throw new Error("must not be negative");
    return seconds;
  },
};

/** `disable` stands for no checks by themselves. */
const interval = {
  ...duration,
  parse: (text: string) => (text === "disable" ? 0 : duration.parse(text)),
};

/** A JSON array is run as it is, anything else by the shell; `none` switches checks off. */
export function parseHealthCommand(text: string): string[] {
  if (text === "none" || text === "") return ["NONE"];
  if (!text.startsWith("[")) return ["CMD-SHELL", text];
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {
    return ["CMD-SHELL", text]; // `[ -f /ready ]` is a command of the shell
  }
  if (
    !Array.isArray(words) ||
    words.length === 0 ||
    !words.every((word) => typeof word === "string")
  )
    throw new Error("must be a command, or a JSON array of words");
  return words[0] === "CMD" || words[0] === "CMD-SHELL" || words[0] === "NONE"
    ? (words as string[])
    : ["CMD", ...(words as string[])];
}

type Key<T, V> = { [K in keyof T]-?: V extends T[K] ? K : never }[keyof T];

function set<V>(key: Key<Health, V>) {
  return (spec: ContainerSpec, value: V) => {
    spec.health = { ...spec.health, [key]: value };
  };
}

function setStartup<V>(key: Key<StartupHealth, V>) {
  return (spec: ContainerSpec, value: V) => {
    spec.health = { ...spec.health, startup: { ...spec.health.startup, [key]: value } };
  };
}

const count = {
  ...integer,
  parse(text: string): number {
    const value = integer.parse(text);
    if (value < 0) throw new Error("must not be negative");
    return value;
  },
};

export const healthOptions: readonly SpecOption[] = [
  option(
    "--health-cmd",
    { ...string, placeholder: "COMMAND", parse: parseHealthCommand },
    "Command that tells whether it is healthy; none: no checks",
    set("test"),
    { api: "Config.Healthcheck.Test", compose: "healthcheck.test", quadlet: "HealthCmd" },
  ),
  option("--health-interval", interval, "Time between checks", set("intervalSeconds"), {
    defaultText: "30s",
    api: "Config.Healthcheck.Interval",
    compose: "healthcheck.interval",
    quadlet: "HealthInterval",
  }),
  option("--health-retries", count, "Failures until it is unhealthy", set("retries"), {
    defaultText: "3",
    api: "Config.Healthcheck.Retries",
    compose: "healthcheck.retries",
    quadlet: "HealthRetries",
  }),
  option("--health-timeout", duration, "How long a check may take", set("timeoutSeconds"), {
    defaultText: "30s",
    api: "Config.Healthcheck.Timeout",
    compose: "healthcheck.timeout",
    quadlet: "HealthTimeout",
  }),
  option(
    "--health-start-period",
    duration,
    "Time in which failures do not count",
    set("startPeriodSeconds"),
    {
      defaultText: "0s",
      api: "Config.Healthcheck.StartPeriod",
      compose: "healthcheck.start_period",
      quadlet: "HealthStartPeriod",
    },
  ),
  option(
    "--health-start-interval",
    duration,
    "Time between checks in the start period",
    set("startIntervalSeconds"),
    {
      defaultText: "5s",
      api: "Config.Healthcheck.StartInterval",
      compose: "healthcheck.start_interval",
    },
  ),
  option(
    "--health-on-failure",
    oneOf("none", "kill", "restart", "stop"),
    "What becomes of it when it is unhealthy",
    set("onFailure"),
    { defaultText: "none", quadlet: "HealthOnFailure" },
  ),
  option("--health-max-log-count", count, "How many results are kept", set("maxLogCount"), {
    defaultText: "5",
    quadlet: "HealthMaxLogCount",
  }),
  option("--health-max-log-size", count, "Bytes of output kept of each", set("maxLogBytes"), {
    defaultText: "4096",
    quadlet: "HealthMaxLogSize",
  }),
  refused(
    "--health-log-destination",
    string,
    "Where results go",
    "results are kept in the store alone: see cooper inspect",
  ),
  option(
    "--health-startup-cmd",
    { ...string, placeholder: "COMMAND", parse: parseHealthCommand },
    "Command that must succeed before checks begin",
    setStartup("test"),
    { quadlet: "HealthStartupCmd" },
  ),
  option(
    "--health-startup-interval",
    interval,
    "Time between start-up checks",
    setStartup("intervalSeconds"),
    { defaultText: "30s", quadlet: "HealthStartupInterval" },
  ),
  option(
    "--health-startup-retries",
    count,
    "Failures until it is started again; 0: never",
    setStartup("retries"),
    { defaultText: "0", quadlet: "HealthStartupRetries" },
  ),
  option(
    "--health-startup-success",
    count,
    "Successes until it has started",
    setStartup("successes"),
    { defaultText: "1", quadlet: "HealthStartupSuccess" },
  ),
  option(
    "--health-startup-timeout",
    duration,
    "How long a start-up check may take",
    setStartup("timeoutSeconds"),
    { defaultText: "30s", quadlet: "HealthStartupTimeout" },
  ),
  option("--no-healthcheck", flagSwitch, "No health checks", (spec, isOn) => {
    spec.health = { ...spec.health, test: isOn ? ["NONE"] : null };
  }),
];
