/** A software package that was found in a tree, and its name in the world (package-url/purl-spec). */

/** What installed it; also the purl's type. */
export type PackageKind = "deb" | "apk" | "rpm" | "npm" | "pypi";

export interface FoundPackage {
  readonly kind: PackageKind;
  readonly name: string;
  readonly version: string;
  /** As its system spells it: amd64, x86_64, noarch… */
  readonly architecture: string | null;
  /** An SPDX expression, or whatever its author wrote there. */
  readonly license: string | null;
  /** Where it was found, relative to the tree's root. */
  readonly place: string;
}

/** os-release(5), as far as package URLs need it. */
export interface Distribution {
  readonly id: string;
  readonly version: string | null;
}

const encode = (text: string) => encodeURIComponent(text).replaceAll("%3A", ":");

/** The package URL. A distribution's packages carry its name as namespace and its version as a qualifier. */
export function purlOf(found: FoundPackage, distribution: Distribution | null): string {
  const { kind, name, version, architecture } = found;
  if (kind === "npm") {
    const path = name.split("/").map(encode).join("/").replace(/^@/, "%40");
    return `pkg:npm/${path}@${encode(version)}`;
  }
  if (kind === "pypi")
    return `pkg:pypi/${encode(name.toLowerCase().replaceAll("_", "-"))}@${encode(version)}`;
  const namespace = distribution === null ? "" : `${encode(distribution.id)}/`;
  const distro =
    distribution?.version == null ? null : `distro=${distribution.id}-${distribution.version}`;
  const qualifiers = [architecture === null ? null : `arch=${encode(architecture)}`, distro];
  const query = qualifiers.filter((part) => part !== null).join("&");
  return `pkg:${kind}/${namespace}${encode(name)}@${encode(version)}${query === "" ? "" : `?${query}`}`;
}

/** One of each, in an order that does not depend on how they were found. */
export function sortedPackages(found: readonly FoundPackage[]): FoundPackage[] {
  const byKey = new Map<string, FoundPackage>();
  for (const each of found) {
    const key = [each.kind, each.name, each.version, each.architecture ?? "", each.place].join(
      "\0",
    );
    if (!byKey.has(key)) byKey.set(key, each);
  }
  return [...byKey.entries()]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, each]) => each);
}
