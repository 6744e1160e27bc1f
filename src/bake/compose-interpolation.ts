/** Variables in Compose files (compose-spec, interpolation), and files of them. Pure. */
import { CooperError } from "../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** `$X`, `${X}`, `${X:-default}`, `${X-default}`, `${X:?error}`, `${X:+instead}`; `$$` is a dollar. */
export function interpolate(text: string, env: Environment, depth = 0): string {
  if (depth > 20) throw new CooperError("invalid-argument", "variables are nested too deeply");
  let shown = "";
  for (let at = 0; at < text.length; ) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) return shown + text.slice(at);
    shown += text.slice(at, dollar);
    at = dollar + 1;
    if (text[at] === "$") {
      shown += "$";
      at++;
    } else if (text[at] === "{") {
      const end = closing(text, at);
      shown += braced(text.slice(at + 1, end), env, depth);
      at = end + 1;
    } else {
      const name = /^[a-zA-Z_]\w*/.exec(text.slice(at))?.[0];
      if (name === undefined)
        throw new CooperError("invalid-argument", `invalid interpolation: ${text.slice(0, 80)}`, {
          hint: "a dollar sign that is none of a variable is written twice",
        });
      shown += env[name] ?? "";
      at += name.length;
    }
  }
  return shown;
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}" && --depth === 0) return at;
  }
  throw new CooperError("invalid-argument", `invalid interpolation: ${text.slice(0, 80)}`);
}

function braced(text: string, env: Environment, depth: number): string {
  const match = /^([a-zA-Z_]\w*)(?:(:?[-?+])(.*))?$/s.exec(text);
  if (match === null)
    throw new CooperError("invalid-argument", `invalid interpolation: \${${text.slice(0, 80)}}`);
  const [, name = "", operator = "", word = ""] = match;
  const value = env[name];
  const isThere = operator.startsWith(":") ? (value ?? "") !== "" : value !== undefined;
  switch (operator.at(-1)) {
    case "-":
      return isThere ? (value ?? "") : interpolate(word, env, depth + 1);
    case "+":
      return isThere ? interpolate(word, env, depth + 1) : "";
    case "?":
      if (isThere) return value ?? "";
      throw new CooperError("invalid-argument", `the variable ${name} is missing: ${word}`);
    default:
      return value ?? "";
  }
}

/** Lines `NAME=VALUE` of a file `.env`. */
export function parseDotEnv(text: string): Record<string, string> {
  const read: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([a-zA-Z_][\w.-]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, name = "", value = ""] = match;
    const quoted = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(value);
    if (quoted === null) read[name] = value.replace(/\s+#.*$/, "");
    else
      read[name] =
        quoted[1] === '"' ? (quoted[2] ?? "").replaceAll("\\n", "\n") : (quoted[2] ?? "");
  }
  return read;
}
