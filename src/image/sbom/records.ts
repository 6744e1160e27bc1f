/**
 * What package systems write down about what they have installed, read as packages. Each reader takes
 * the whole text of a file that a stranger wrote: what does not fit is left out, and nothing throws.
 */
import type { Distribution, FoundPackage } from "./package.ts";

/** deb-status(5): paragraphs of `Key: value`; values go on in indented lines. */
export function debPackages(text: string, place: string): FoundPackage[] {
  return paragraphs(text).flatMap((fields) => {
    const [name, version] = [fields.get("Package"), fields.get("Version")];
    // those of distroless images (status.d) have no Status
    const status = fields.get("Status") ?? "install ok installed";
    if (name === undefined || version === undefined || !status.endsWith(" installed")) return [];
    const architecture = fields.get("Architecture") ?? null;
    return [{ kind: "deb" as const, name, version, architecture, license: null, place }];
  });
}

/** apk-tools' installed database: lines of `K:value`, a blank line between packages. */
export function apkPackages(text: string, place: string): FoundPackage[] {
  return text.split(/\n\s*\n/).flatMap((block) => {
    const fields = new Map<string, string>();
    for (const line of block.split("\n"))
      if (line[1] === ":" && !fields.has(line.charAt(0))) fields.set(line.charAt(0), line.slice(2));
    const [name, version] = [fields.get("P"), fields.get("V")];
    if (!name || !version) return [];
    const [architecture, license] = [fields.get("A") ?? null, fields.get("L") ?? null];
    return [{ kind: "apk" as const, name, version, architecture, license, place }];
  });
}

/** package.json of an installed module. */
export function npmPackage(text: string, place: string): FoundPackage[] {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return []; // a fixture of somebody's tests, not an installed module
  }
  if (typeof read !== "object" || read === null) return [];
  const { name, version, license } = read as Record<string, unknown>;
  if (typeof name !== "string" || typeof version !== "string") return [];
  if (!/^(@[\w.~-]+\/)?[\w.~-]+$/.test(name)) return [];
  const licence = typeof license === "string" ? license : null;
  return [{ kind: "npm", name, version, architecture: null, license: licence, place }];
}

/** METADATA or PKG-INFO of a Python distribution (core metadata: header fields, then a body). */
export function pythonPackage(text: string, place: string): FoundPackage[] {
  const header = text.replaceAll("\r\n", "\n").split("\n\n", 1)[0] ?? "";
  const [fields] = paragraphs(header);
  const [name, version] = [fields?.get("Name"), fields?.get("Version")];
  if (name === undefined || version === undefined) return [];
  const license = fields?.get("License-Expression") ?? fields?.get("License") ?? null;
  const short = license === null || license.length > 200 || license.includes("\n") ? null : license;
  return [{ kind: "pypi", name, version, architecture: null, license: short, place }];
}

/** os-release(5); null where it does not say which distribution it is. */
export function distributionOf(text: string): Distribution | null {
  const value = (key: string) =>
    new RegExp(`^${key}=["']?([^"'\n]*)["']?$`, "m").exec(text)?.[1] || null;
  const id = value("ID");
  return id === null ? null : { id, version: value("VERSION_ID") };
}

function paragraphs(text: string): ReadonlyMap<string, string>[] {
  return text.split(/\n[ \t]*\n/).flatMap((block) => {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0 && !/^\s/.test(line)) {
        const key = line.slice(0, at);
        if (!fields.has(key)) fields.set(key, line.slice(at + 1).trim());
      }
    }
    return fields.size === 0 ? [] : [fields];
  });
}
