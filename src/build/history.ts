/** What the history of an image says of instructions: the words of BuildKit, which tools read. */
import type { HealthConfig } from "./graph.ts";

/** What stands in the `comment` of each step: the dialect, by which tools know how to read `created_by`. */
export const historyComment = "buildkit.dockerfile.v0";

/** Go's `%q` of a list: `["sh" "-c"]`. */
export const quotedList = (words: readonly string[]) =>
  `[${words.map((word) => JSON.stringify(word)).join(" ")}]`;

/** `RUN |1 A=b /bin/sh -c make # buildkit` */
export function runText(
  argv: readonly string[],
  args: readonly (readonly [string, string])[],
): string {
  const told = args.map(([name, value]) => `${name}=${value}`);
  const prefix = told.length === 0 ? [] : [`|${told.length}`, ...told];
  return ["RUN", ...prefix, ...argv, "#", "buildkit"].join(" ");
}

/** `HEALTHCHECK &{["CMD-SHELL" "x"] "5s" "0s" "0s" "0s" '\x00'}`, as Go prints the struct. */
export function healthText(health: HealthConfig): string {
  const times = [health.Interval, health.Timeout, health.StartPeriod, health.StartInterval]
    .map((nanoseconds) => `"${goDuration(nanoseconds ?? 0)}"`)
    .join(" ");
  const retries = (health.Retries ?? 0).toString(16).padStart(2, "0");
  return `HEALTHCHECK &{${quotedList(health.Test)} ${times} '\\x${retries}'}`;
}

/** time.Duration.String(): `1m30s`. */
function goDuration(nanoseconds: number): string {
  const seconds = nanoseconds / 1e9;
  if (seconds === 0) return "0s";
  if (seconds < 1) return `${nanoseconds / 1e6}ms`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
