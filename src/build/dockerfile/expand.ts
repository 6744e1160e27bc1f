/**
 * Variables in words, as a shell would put them in: `$name`, `${name}` and its modifiers, quotes and
 * escapes (Dockerfile reference, "Environment replacement").
 */
import { patternOf, prefixEnd, replaceAll, replaceFirst, suffixStart } from "./expand-pattern.ts";

/** What words are read with. */
export interface Expansion {
  readonly escapeChar: "\\" | "`";
  /** The value of a variable; undefined when it is not set. */
  lookUp(name: string): string | undefined;
  /** Quotes stay in the result. */
  readonly keepsQuotes?: boolean;
  /** Escapes stay in the result. */
  readonly keepsEscapes?: boolean;
  /** Quotes have no meaning: heredocs. */
  readonly ignoresQuotes?: boolean;
  /** A variable that is not set stays as it was written. */
  readonly keepsUnset?: boolean;
  /** Told of each variable that is not set, unless a modifier cares for that. */
  onUnset?(name: string): void;
}

/** One word: white space stays. @throws Error that says what is wrong with it */
export function expandWord(text: string, expansion: Expansion): string {
  return new Reader(text, expansion).read().text;
}

/** As many words as there are after expansion, which quotes keep together. */
export function expandWords(text: string, expansion: Expansion): string[] {
  return new Reader(text, expansion).read().words;
}

/** Nesting of `${a:-${b:-…}}` that nobody writes by hand. */
const maxDepth = 64;

class Words {
  readonly list: string[] = [];
  private word = "";

  /** Splits at white space. */
  add(text: string): void {
    for (const char of text) {
      if (!/\s/.test(char)) this.word += char;
      else if (this.word !== "") this.end();
    }
  }

  /** Keeps white space. */
  addRaw(text: string): void {
    this.word += text;
  }

  finish(): string[] {
    if (this.word !== "") this.end();
    return this.list;
  }

  private end(): void {
    this.list.push(this.word);
    this.word = "";
  }
}

class Reader {
  private readonly chars: readonly string[];
  private readonly expansion: Expansion;
  private at = 0;
  private depth = 0;

  constructor(text: string, expansion: Expansion) {
    this.chars = [...text];
    this.expansion = expansion;
  }

  read(): { text: string; words: string[] } {
    return this.until(null, this.expansion.keepsEscapes ?? false);
  }

  private until(stop: string | null, keepsEscapes: boolean): { text: string; words: string[] } {
    const words = new Words();
    let text = "";
    const { escapeChar, ignoresQuotes = false } = this.expansion;
    for (let char = this.chars[this.at]; char !== undefined; char = this.chars[this.at]) {
      if (char === stop) {
        this.at++;
        return { text, words: words.finish() };
      }
      if (char === "$") {
        const value = this.dollar();
        text += value;
        words.add(value);
      } else if (!ignoresQuotes && (char === "'" || char === '"')) {
        const value = char === "'" ? this.singleQuoted() : this.doubleQuoted(keepsEscapes);
        text += value;
        words.addRaw(value);
      } else if (char === escapeChar) {
        const value = `${keepsEscapes ? char : ""}${this.chars[this.at + 1] ?? ""}`;
        this.at += 2;
        text += value;
        words.addRaw(value);
      } else {
        this.at++;
        text += char;
        words.add(char);
      }
    }
    if (stop !== null)
      throw new Error(stop === "}" ? "missing '}'" : `missing '${stop}' in a \${…} substitution`);
    return { text, words: words.finish() };
  }

  private singleQuoted(): string {
    const end = this.chars.indexOf("'", this.at + 1);
    if (end < 0) throw new Error("a single quote is not closed");
    const inner = this.chars.slice(this.at + 1, end).join("");
    this.at = end + 1;
    return this.expansion.keepsQuotes ? `'${inner}'` : inner;
  }

  /** Only the quote, `$` and the escape character itself can be escaped in it. */
  private doubleQuoted(keepsEscapes: boolean): string {
    const { escapeChar } = this.expansion;
    let inner = "";
    this.at++;
    for (let char = this.chars[this.at]; char !== '"'; char = this.chars[this.at]) {
      if (char === undefined) throw new Error("a double quote is not closed");
      if (char === "$") {
        inner += this.dollar();
        continue;
      }
      this.at++;
      const next = this.chars[this.at];
      if (char !== escapeChar) inner += char;
      else if (next === undefined) continue;
      else if (next === '"' || next === "$" || next === escapeChar) {
        inner += keepsEscapes ? char + next : next;
        this.at++;
      } else inner += keepsEscapes ? char + char : char;
    }
    this.at++;
    return this.expansion.keepsQuotes ? `"${inner}"` : inner;
  }

  private dollar(): string {
    const start = this.at++;
    if (this.chars[this.at] !== "{") {
      const name = this.name();
      return name === "" ? "$" : this.plainValue(name, start);
    }
    this.at++;
    if (++this.depth > maxDepth) throw new Error("substitutions are nested too deeply");
    const value = this.braced(start);
    this.depth--;
    return value;
  }

  private braced(start: number): string {
    const first = this.chars[this.at];
    if (first === undefined) throw new Error("missing '}'");
    if (first === "{" || first === "}" || first === ":") throw new Error("bad substitution");
    const name = this.name();
    const char = this.chars[this.at++];
    if (char === "}") return this.plainValue(name, start);
    if (char === "/") return this.replaced(name, start);
    const isColon = char === ":";
    const operator = isColon ? this.chars[this.at++] : char;
    const allowed = isColon ? "-+?" : "-+?#%";
    if (operator === undefined) throw new Error("missing '}'");
    if (!allowed.includes(operator))
      throw new Error(`unsupported modifier (${isColon ? ":" : ""}${operator}) in substitution`);
    const trims = operator === "#" || operator === "%";
    const word = this.until("}", trims).text;
    const value = this.expansion.lookUp(name);
    if (value === undefined && this.expansion.keepsUnset) return this.written(start);
    const isSet = value !== undefined && !(isColon && value === "");
    if (operator === "-") return isSet ? value : word;
    if (operator === "+") return isSet ? word : "";
    if (operator === "?") {
      if (isSet) return value;
      const why = value === undefined ? "is not allowed to be unset" : "is not allowed to be empty";
      throw new Error(`${name}: ${word === "" ? why : word}`);
    }
    if (value === undefined) this.expansion.onUnset?.(name);
    return trimmed(value ?? "", operator, word);
  }

  private replaced(name: string, start: number): string {
    const isAll = this.chars[this.at] === "/";
    if (isAll) this.at++;
    const pattern = this.until("/", true).text;
    const replacement = this.until("}", true).text;
    const value = this.expansion.lookUp(name);
    if (value === undefined && this.expansion.keepsUnset) return this.written(start);
    if (value === undefined) this.expansion.onUnset?.(name);
    return (isAll ? replaceAll : replaceFirst)(value ?? "", patternOf(pattern), replacement);
  }

  private plainValue(name: string, start: number): string {
    const value = this.expansion.lookUp(name);
    if (value !== undefined) return value;
    if (this.expansion.keepsUnset) return this.written(start);
    this.expansion.onUnset?.(name);
    return "";
  }

  private written(start: number): string {
    return this.chars.slice(start, this.at).join("");
  }

  /** Letters, digits and `_`; or digits alone; or one of the shell's special parameters. */
  private name(): string {
    const rest = this.chars.slice(this.at, this.at + 256).join("");
    const found = /^(?:[0-9]+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(rest)?.[0] ?? "";
    this.at += [...found].length;
    return found;
  }
}

function trimmed(value: string, operator: string, word: string): string {
  const isLongest = word.startsWith(operator);
  const pattern = patternOf(isLongest ? word.slice(1) : word);
  return operator === "#"
    ? value.slice(prefixEnd(value, pattern, isLongest))
    : value.slice(0, suffixStart(value, pattern, isLongest));
}
