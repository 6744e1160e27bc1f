/** Which way of showing progress a build gets: what was asked, else what the environment says, else what stderr is. */

import { openSync, writeSync } from "node:fs";
import type { Progress } from "../../build/progress.ts";
import { CooperError, errnoName } from "../../errors.ts";
import { oneOf } from "../../option.ts";
import { isTerminal, terminalSize } from "../../system/terminal.ts";
import { tell } from "../output.ts";
import { printable } from "../printable.ts";
import { colorsOf } from "./colors.ts";
import { plainProgress } from "./plain.ts";
import { quietProgress } from "./quiet.ts";

const kinds = ["auto", "plain", "tty", "rawjson", "quiet", "none"] as const;
export type ProgressKind = (typeof kinds)[number];

/** Of `build` and `bake`. */
export const progressOption = {
  flag: "--progress",
  type: oneOf(...kinds),
  help: "How steps are told",
  defaultText: "BUILDKIT_PROGRESS of the environment, or auto",
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** Pure. @throws CooperError invalid-argument for a word of the environment that is none */
export function progressKind(
  given: ProgressKind | undefined,
  isQuiet: boolean,
  env: Environment,
  isOnTerminal: boolean,
): Exclude<ProgressKind, "auto"> {
  if (isQuiet) return "quiet";
  const text = given ?? (env.BUILDKIT_PROGRESS || "auto");
  const kind = kinds.find((one) => one === text);
  if (kind === undefined)
    throw new CooperError("invalid-argument", `BUILDKIT_PROGRESS=${text} is no kind of progress`, {
      hint: `there are ${kinds.join(", ")}`,
    });
  if (kind !== "auto") return kind;
  return isOnTerminal && env.TERM !== "dumb" ? "tty" : "plain";
}

/** What shows the progress on stderr. */
export async function openProgress(
  given: ProgressKind | undefined,
  isQuiet: boolean,
  logFile?: string,
): Promise<{ readonly kind: Exclude<ProgressKind, "auto">; readonly progress: Progress }> {
  const isOnTerminal = isTerminal(2) && logFile === undefined;
  const kind = progressKind(given, isQuiet, process.env, isOnTerminal);
  return { kind, progress: await progressOf(kind, isOnTerminal, writer(logFile)) };
}

/** To stderr, or to a file that is begun anew. */
function writer(logFile: string | undefined): (text: string) => void {
  if (logFile === undefined) return tell;
  try {
    const descriptor = openSync(logFile, "w", 0o644);
    return (text) => void writeSync(descriptor, text);
  } catch (cause) {
    throw new CooperError("permission-denied", `cannot write ${logFile}: ${errnoName(cause)}`, {
      cause,
    });
  }
}

async function progressOf(
  kind: Exclude<ProgressKind, "auto">,
  isOnTerminal: boolean,
  write: (text: string) => void,
): Promise<Progress> {
  if (kind === "quiet" || kind === "none") return quietProgress(write);
  if (kind === "plain") return plainProgress(write);
  if (kind === "rawjson") return (await import("./rawjson.ts")).rawjsonProgress(write);
  if (!isOnTerminal)
    throw new CooperError("invalid-argument", "--progress tty: the error output is no terminal", {
      hint: "use --progress plain",
    });
  const { ttyProgress } = await import("./tty.ts");
  const { colors, problems } = colorsOf(process.env);
  for (const problem of problems)
    tell(`Warning: BUILDKIT_COLORS: ${printable(problem)} is not understood\n`);
  const asked = Number(process.env.BUILDKIT_TTY_LOG_LINES);
  return ttyProgress({
    write: tell,
    size: () => terminalSize(2) ?? { rows: 24, columns: 80 },
    colors,
    logLines: Number.isSafeInteger(asked) && asked > 0 ? asked : 6,
    now: () => performance.now(),
  });
}
