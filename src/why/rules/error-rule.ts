/** What a row of the table of errors is, and how a command line is written anew. */
import type { ErrorFacts } from "../evidence.ts";
import { shellWords } from "../words.ts";

/** One row. */
export interface ErrorRule {
  readonly id: string;
  readonly pattern: RegExp;
  readonly when?: (facts: ErrorFacts, match: RegExpMatchArray) => boolean;
  /** Better words for the error; without, its own are good. */
  readonly cause?: (match: RegExpMatchArray, facts: ErrorFacts) => string | null;
  readonly cures?: (match: RegExpMatchArray, facts: ErrorFacts) => readonly string[];
  readonly advice?: (match: RegExpMatchArray, facts: ErrorFacts) => string | null;
}

/** The same command line with other words. */
export function same({ words }: ErrorFacts, change: (word: string) => string | null): string[] {
  const changed = words.map(change).filter((word) => word !== null);
  return [shellWords(["cooper", ...changed])];
}

/** The same command line, with a name that resembles the one that was typed. */
export function meant(facts: ErrorFacts, typed: string): string[] {
  const [name] = facts.similar;
  if (name === undefined || !facts.words.includes(typed)) return [];
  return same(facts, (word) => (word === typed ? name : word));
}

/** Without an option and its value. */
export function lacking({ words }: ErrorFacts, ...options: string[]): string[] {
  const kept = words.filter(
    (word, at) =>
      !options.includes(word) &&
      !options.includes(words[at - 1] ?? "") &&
      !options.some((option) => word.startsWith(`${option}=`)),
  );
  return [shellWords(["cooper", ...kept])];
}

/** A command on the store that the command line names. */
export const onStore = ({ words }: ErrorFacts, ...command: string[]) => {
  const place = words.flatMap((word, at) =>
    /^--(root|runroot)$/.test(word)
      ? [word, words[at + 1] ?? ""]
      : /^--(root|runroot)=/.test(word)
        ? [word]
        : [],
  );
  return shellWords(["cooper", ...place, ...command]);
};

/** Without an option where its value begins like this. */
export function lackingValue({ words }: ErrorFacts, option: string, start: string): string[] {
  const isIt = (word: string) => word.startsWith(start);
  const kept = words.filter(
    (word, at) =>
      !(word === option && isIt(words[at + 1] ?? "")) &&
      !(words[at - 1] === option && isIt(word)) &&
      !word.startsWith(`${option}=${start}`),
  );
  return [shellWords(["cooper", ...kept])];
}

/** With another value of an option. */
export function replaceValue(
  { words }: ErrorFacts,
  options: readonly string[],
  value: string,
): string[] {
  const changed = words.map((word, at) => {
    const joined = options.find((option) => word.startsWith(`${option}=`));
    if (joined !== undefined) return `${joined}=${value}`;
    return options.includes(words[at - 1] ?? "") ? value : word;
  });
  return [shellWords(["cooper", ...changed])];
}
