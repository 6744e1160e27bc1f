/** Colours of what a terminal is shown: BUILDKIT_COLORS and NO_COLOR, as BuildKit reads them. */

/** What begins a colour; empty where there is none. */
export interface Colors {
  /** Steps that are done. */
  readonly run: string;
  readonly cancel: string;
  readonly warning: string;
  readonly error: string;
  /** What a step prints. */
  readonly faint: string;
}

export const noColors: Colors = { run: "", cancel: "", warning: "", error: "", faint: "" };

const names: Readonly<Record<string, number>> = {
  black: 30,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  white: 37,
};

/**
 * The colours that the environment asks for, and what of it was not understood.
 * NO_COLOR goes before everything else (no-color.org).
 */
export function colorsOf(env: Readonly<Record<string, string | undefined>>): {
  readonly colors: Colors;
  readonly problems: readonly string[];
} {
  if ((env.NO_COLOR ?? "") !== "") return { colors: noColors, problems: [] };
  const colors = {
    run: "\x1b[34m",
    cancel: "\x1b[33m",
    warning: "\x1b[33m",
    error: "\x1b[31m",
    faint: "\x1b[2m",
  };
  const problems: string[] = [];
  for (const entry of (env.BUILDKIT_COLORS ?? "").split(":").filter((text) => text !== "")) {
    const [key = "", value, ...more] = entry.split("=");
    const name = key === "warn" ? "warning" : key;
    const code = value === undefined || more.length > 0 ? undefined : colorCode(value);
    if (name === "run" || name === "cancel" || name === "warning" || name === "error") {
      if (code !== undefined) colors[name] = code;
      else problems.push(entry);
    } else problems.push(entry);
  }
  return { colors, problems };
}

/** `green`, `light-blue`, `255,165,0`. */
function colorCode(text: string): string | undefined {
  const [, light, name = ""] = /^(light-)?([a-z]+)$/.exec(text.toLowerCase()) ?? [];
  const base = Object.hasOwn(names, name) ? names[name] : undefined;
  if (base !== undefined) return `\x1b[${base + (light === undefined ? 0 : 60)}m`;
  const parts = text.split(",").map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (parts.length !== 3 || parts.some((part) => part > 255)) return undefined;
  return `\x1b[38;2;${parts.join(";")}m`;
}
