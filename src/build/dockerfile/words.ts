/** How the arguments of an instruction are cut into words, lists, pairs and command lines. */
import type { CommandLine, Pair, Word } from "./instructions.ts";
import { type PlacedText, rangeOf } from "./logical-lines.ts";
import { errorAt, type Source } from "./source.ts";

/** At white space, whatever quotes say. */
export function plainWords(args: PlacedText): Word[] {
  return [...args.text.matchAll(/\S+/g)].map(({ 0: text, index }) => ({
    text,
    range: rangeOf(args, index, index + text.length),
  }));
}

/** At white space outside of quotes, which stay, as escapes do. */
export function quotedWords(args: PlacedText, escapeChar: string): Word[] {
  const words: Word[] = [];
  const { text } = args;
  let start = -1;
  let quote = "";
  const end = (at: number) => {
    if (start >= 0) words.push({ text: text.slice(start, at), range: rangeOf(args, start, at) });
    start = -1;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote === "" && /\s/.test(char)) {
      end(at);
      continue;
    }
    if (start < 0) start = at;
    if (char === escapeChar && quote !== "'") at++;
    else if (quote === "" && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = "";
  }
  end(text.length);
  return words;
}

/** `["a", "b"]`; undefined when it is none, and then it is a line of words. */
export function jsonWords(source: Source, args: PlacedText): string[] | undefined {
  const text = args.text.trim();
  if (!text.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // as every peer does: `[ -f x ] && y` is a line for the shell
  }
  if (!Array.isArray(value)) return undefined;
  const words: string[] = [];
  for (const word of value) {
    if (typeof word !== "string") {
      throw errorAt(
        source,
        rangeOf(args, 0, args.text.length),
        "when using JSON array syntax, arrays must be comprised of strings only",
      );
    }
    words.push(word);
  }
  return words;
}

/** A JSON array, or words. */
export function listWords(
  source: Source,
  args: PlacedText,
): { readonly words: readonly Word[]; readonly isJson: boolean } {
  const list = jsonWords(source, args);
  if (list === undefined) return { words: plainWords(args), isJson: false };
  const range = rangeOf(args, 0, args.text.length);
  return { words: list.map((text) => ({ text, range })), isJson: true };
}

/** A JSON array, or a line for the shell. */
export function commandLine(source: Source, args: PlacedText): CommandLine {
  const words = jsonWords(source, args);
  return words === undefined ? { kind: "shell", text: args.text } : { kind: "exec", words };
}

/** `name=value …`, or `name value` with all the rest of the line as the value. */
export function pairs(
  source: Source,
  instruction: string,
  args: PlacedText,
  escapeChar: string,
): { readonly pairs: readonly Pair[]; readonly isLegacy: boolean } {
  const words = quotedWords(args, escapeChar);
  const [first] = words;
  const everything = rangeOf(args, 0, args.text.length);
  if (first === undefined)
    throw errorAt(source, everything, `${instruction} requires at least one argument`);
  if (!first.text.includes("=")) {
    const legacy = /^(\S+)\s+([\s\S]+)$/.exec(args.text);
    if (legacy === null)
      throw errorAt(source, everything, `${instruction} must have two arguments`, {
        hint: `write ${instruction} ${first.text}=VALUE`,
      });
    return {
      pairs: [{ name: legacy[1] ?? "", value: legacy[2] ?? "", range: everything }],
      isLegacy: true,
    };
  }
  return { pairs: words.map((word) => pair(source, instruction, word)), isLegacy: false };
}

function pair(source: Source, instruction: string, { text, range }: Word): Pair {
  const equals = text.indexOf("=");
  if (equals < 0)
    throw errorAt(source, range, `can't find = in ${JSON.stringify(text)}`, {
      hint: "must be of the form: name=value; quote values that have spaces in them",
    });
  if (equals === 0) throw errorAt(source, range, `${instruction} names can not be blank`);
  return { name: text.slice(0, equals), value: text.slice(equals + 1), range };
}

/** ARG: `name`, `name=default`, several of them. */
export function args(source: Source, placed: PlacedText, escapeChar: string): Pair[] {
  const words = quotedWords(placed, escapeChar);
  if (words.length === 0)
    throw errorAt(source, rangeOf(placed, 0, 0), "ARG requires at least one argument");
  return words.map((word) => {
    if (word.text.includes("=")) return pair(source, "ARG", word);
    return { name: word.text, value: null, range: word.range };
  });
}
