/** HCL's functions of texts. */
import { createHash, randomUUID } from "node:crypto";
import { posix } from "node:path";
import { parseDurationSeconds } from "../../option.ts";
import { format } from "./format.ts";
import type { HclFunction } from "./function.ts";
import type { Value } from "./syntax.ts";
import { asList, asNumber, asString, fromJson, isList, toJson } from "./value.ts";

/** Text arguments, as many as `act` takes. */
const ofTexts =
  (count: number, act: (...texts: string[]) => Value): HclFunction =>
  (args) => {
    if (args.length !== count) throw new Error(`it takes ${count} arguments, not ${args.length}`);
    return act(...args.map(asString));
  };

const hash = (algorithm: string) =>
  ofTexts(1, (text = "") => createHash(algorithm).update(text).digest("hex"));

/** A pattern of Go's, as far as both languages mean the same. */
function patternOf(text: string, flags = ""): RegExp {
  const inline = /^\(\?([ims]+)\)/.exec(text);
  const source = (inline === null ? text : text.slice(inline[0].length)).replaceAll("(?P<", "(?<");
  return new RegExp(source, `u${inline?.[1] ?? ""}${flags}`);
}

/** The whole match, or what its groups hold: by name where they have names. */
function captures(match: RegExpMatchArray): Value {
  if (match.groups !== undefined) return new Map(Object.entries(match.groups));
  return match.length === 1 ? match[0] : match.slice(1).map((one) => one ?? null);
}

/** Characters as people count them. */
const characters = (text: string) =>
  [...new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)].map(
    ({ segment }) => segment,
  );

export const textFunctions: Readonly<Record<string, HclFunction>> = {
  base64decode: ofTexts(1, (text = "") => Buffer.from(text, "base64").toString("utf8")),
  base64encode: ofTexts(1, (text = "") => Buffer.from(text).toString("base64")),
  basename: ofTexts(1, (path = "") => posix.basename(path) || (path.startsWith("/") ? "/" : ".")),
  byteslen: ofTexts(1, (text = "") => Buffer.byteLength(text)),
  chomp: ofTexts(1, (text = "") => text.replace(/[\r\n]+$/, "")),
  dirname: ofTexts(1, (path = "") => posix.dirname(path)),
  format: ([pattern = "", ...args]) => format(asString(pattern), args),
  formatlist([pattern = "", ...args]) {
    const lists = args.filter(isList);
    const count = lists[0]?.length ?? 1;
    if (lists.some(({ length }) => length !== count)) throw new Error("the lists differ in length");
    return Array.from({ length: count }, (_, index) =>
      format(
        asString(pattern),
        args.map((arg) => (isList(arg) ? (arg[index] ?? null) : arg)),
      ),
    );
  },
  indent: ([spaces = 0, text = ""]) =>
    asString(text).replaceAll("\n", `\n${" ".repeat(Math.min(1000, asNumber(spaces)))}`),
  join: ([separator = "", ...lists]) =>
    lists
      .flatMap((list) => asList(list))
      .map(asString)
      .join(asString(separator)),
  jsondecode: ofTexts(1, (text = "") => fromJson(JSON.parse(text))),
  jsonencode: ([value = null]) => JSON.stringify(toJson(value)),
  lower: ofTexts(1, (text = "") => text.toLowerCase()),
  md5: hash("md5"),
  regex: ofTexts(2, (pattern = "", text = "") => {
    const match = patternOf(pattern).exec(text);
    if (match === null) throw new Error("the pattern matches nothing");
    return captures(match);
  }),
  regexall: ofTexts(2, (pattern = "", text = "") =>
    [...text.matchAll(patternOf(pattern, "g"))].map(captures),
  ),
  regex_replace: ofTexts(3, (text = "", pattern = "", replacement = "") =>
    text.replace(
      patternOf(pattern, "g"),
      replacement.replaceAll(/\$\{(\w+)\}/g, (_, name: string) =>
        /^\d+$/.test(name) ? `$${name}` : `$<${name}>`,
      ),
    ),
  ),
  replace: ofTexts(3, (text = "", old = "", replacement = "") => text.split(old).join(replacement)),
  reverse: ofTexts(1, (text = "") => characters(text).reverse().join("")),
  sanitize: ofTexts(1, (text = "") => text.replace(/[^a-zA-Z0-9_-]/gu, "_")),
  sha1: hash("sha1"),
  sha256: hash("sha256"),
  sha512: hash("sha512"),
  split: ofTexts(2, (separator = "", text = "") => text.split(separator)),
  strlen: ofTexts(1, (text = "") => characters(text).length),
  substr([text = "", offset = 0, length = -1]) {
    const all = characters(asString(text));
    const from = asNumber(offset);
    const count = asNumber(length);
    const begin = from < 0 ? Math.max(0, all.length + from) : from;
    return all.slice(begin, count < 0 ? undefined : begin + count).join("");
  },
  timeadd: ofTexts(2, (time = "", duration = "") =>
    moment(new Date(Date.parse(time) + parseDurationSeconds(duration) * 1000)),
  ),
  timestamp: ofTexts(0, () => moment(new Date())),
  title: ofTexts(1, (text = "") => text.replace(/(^|\s)\S/gu, (word) => word.toUpperCase())),
  trim: ofTexts(2, (text = "", cut = "") => {
    const all = [...text];
    const isCut = (char: string | undefined) => char !== undefined && cut.includes(char);
    while (isCut(all[0])) all.shift();
    while (isCut(all.at(-1))) all.pop();
    return all.join("");
  }),
  trimprefix: ofTexts(2, (text = "", prefix = "") =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  trimspace: ofTexts(1, (text = "") => text.trim()),
  trimsuffix: ofTexts(2, (text = "", suffix = "") =>
    suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  upper: ofTexts(1, (text = "") => text.toUpperCase()),
  urlencode: ofTexts(1, (text = "") =>
    encodeURIComponent(text)
      .replaceAll("%20", "+")
      .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
  ),
  uuidv4: ofTexts(0, () => randomUUID()),
};

const moment = (date: Date) => `${date.toISOString().slice(0, 19)}Z`;
