/**
 * Failures of commands, told with what is known of their cause. Loaded when something has failed, and not
 * before.
 */
import type { Engine } from "../engine.ts";
import { CooperError, messageOf } from "../errors.ts";
import { callerLocation } from "../store-location.ts";
import type { Finding, StoreFacts } from "../why/evidence.ts";
import { codeOf, explainError } from "../why/explain-error.ts";
import { hintOf } from "../why/hint.ts";
import { keepLast } from "../why/last.ts";
import { shellWords, withoutPasswords, withoutValues } from "../why/words.ts";
import type { GlobalOptions } from "./command.ts";
import { complain, original, statusOf } from "./output.ts";

/** What a command had got to when it failed. */
export interface Progress {
  /** The command line behind `cooper`. */
  readonly words: readonly string[];
  /** null: they could not be read. */
  global: GlobalOptions | null;
  /** null: it was not opened. */
  engine: Engine | null;
  /** Whether `why` is to remember it. */
  isKept: boolean;
  /** Whether it was for an engine elsewhere: what is known of this machine explains nothing then. */
  isElsewhere: boolean;
}

/** Tells it on stderr, keeps it for `cooper why`, and returns the exit status that it leads to. */
export function tellFailure(error: unknown, progress: Progress): number {
  const first = original(error);
  const store = placeOf(progress);
  const found = progress.isElsewhere ? null : explain(first, progress, store);
  const told = found === null ? error : withHint(first, found);
  complain(told);
  if (progress.isKept && store !== null && !isCancelled(first)) keep(told, found, progress, store);
  return statusOf(told);
}

const isCancelled = (error: unknown) => error instanceof CooperError && error.code === "cancelled";

const placeOf = ({ global, engine }: Progress): StoreFacts | null =>
  engine?.host.paths ?? callerLocation(global ?? { root: null, runRoot: null });

/** An error that has a hint knows best; looking for one must not hide the error itself. */
function explain(
  error: unknown,
  { words, engine }: Progress,
  store: StoreFacts | null,
): Finding | null {
  if (error instanceof CooperError && error.hint !== undefined) return null;
  try {
    return explainError(error, {
      words: withoutPasswords(words),
      store,
      host: engine?.host ?? null,
    });
  } catch (failure) {
    engine?.host.debug(`the cause cannot be looked for: ${messageOf(failure)}`);
    return null;
  }
}

function withHint(error: unknown, found: Finding): CooperError {
  const hint = hintOf([found]);
  return new CooperError(codeOf(error), found.cause, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

function keep(
  told: unknown,
  found: Finding | null,
  { words, engine }: Progress,
  { run }: StoreFacts,
): void {
  const secret = withoutSecrets(words);
  const error = original(told);
  const message = secret(messageOf(error));
  const hint = error instanceof CooperError ? error.hint : undefined;
  const cures = found?.cures ?? [];
  const known: Finding[] =
    found === null && hint === undefined
      ? []
      : [
          {
            id: found?.id ?? (error instanceof CooperError ? error.code : "internal"),
            cause: message,
            evidence: (found?.evidence ?? []).map(secret),
            cures: cures.map(secret),
            advice: found === null ? secret(hint ?? "") : found.advice,
          },
        ];
  try {
    const subject = shellWords(["cooper", ...withoutValues(words)]);
    keepLast(run, { at: Date.now(), subject, message, findings: known });
  } catch (failure) {
    engine?.host.debug(`the failure is not kept: ${messageOf(failure)}`);
  }
}

/** What takes the values of variables and passwords of a command line out of a text. */
function withoutSecrets(words: readonly string[]): (text: string) => string {
  const masked = withoutValues(words);
  const pairs = words.flatMap((word, at) => {
    const shown = masked[at] ?? word;
    return word === shown || word === ""
      ? []
      : [
          [shellWords([word]), shown],
          [word, shown],
        ];
  });
  return (text) =>
    pairs.reduce((left, [from = "", to = ""]) => left.replaceAll(from, () => to), text);
}
